import { toError } from '../domain/errors.ts';
import { tf } from '../engine/tf.ts';

/** A tensor operation from scores to a scalar 0 whose gradient is what `derivativeOf` said. */
export interface ScoreOp {
  (scores: tf.Tensor2D): tf.Scalar;
  /** Throws what `derivativeOf` threw. Call it after the gradient. */
  check(): void;
}

/**
 * Brings a loss written in plain code into tfjs's backward pass: reads the scores in the forward pass, asks
 * `derivativeOf` for ∂loss/∂scores, and gives that back as the upstream gradient. So a new loss needs no tensor operations.
 *
 * @param derivativeOf from scores to their derivative, both of shape [count, classes], called once per forward pass
 */
export function scoreOp(derivativeOf: (scores: Float32Array) => Float32Array): ScoreOp {
  let failure: Error | undefined;
  const operation = tf.customGrad((...given) => {
    const tensor = given[0] as tf.Tensor2D;
    const scores = tensor.dataSync() as Float32Array;
    let derivative = new Float32Array(scores.length);
    try {
      derivative = derivativeOf(scores) as Float32Array<ArrayBuffer>;
    } catch (caught) {
      // tfjs keeps what it saved for the backward pass when a function throws in between: finish, then throw.
      failure = toError(caught);
    }
    return { value: tf.scalar(0), gradFunc: () => tf.tensor2d(derivative, tensor.shape) };
  });
  return Object.assign((scores: tf.Tensor2D) => operation(scores), {
    check() {
      if (failure !== undefined) throw failure;
    },
  });
}
