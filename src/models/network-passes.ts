import type { tf } from '../engine/tf.ts';

/** From logits to ∂ loss / ∂ logits, both of shape [n, classes]. */
export type UpstreamOf = (logits: Float32Array) => Float32Array;

/** Forward and backward pass of a network. Inputs are tensors [n, …input shape]; what comes back is plain data. */
export interface NetworkPasses {
  /** compiled: one TensorFlow graph. tape: tfjs, operation by operation. */
  readonly path: 'compiled' | 'tape';
  /** Why the tape runs although graphs could. */
  readonly reason?: string;
  /** Shape [n, classes]. */
  logits(inputs: tf.Tensor): Float32Array;
  /** Forward, the derivative of the loss in plain code, backward. Shape of the inputs. */
  gradient(inputs: tf.Tensor, upstreamOf: UpstreamOf): Float32Array;
  dispose(): void;
}
