import { tf } from '../../engine/tf.ts';
import type { GraphTensor } from '../../protocols/tensorflow-graph.ts';
import type { AppliedOperation } from '../compiled/graph.ts';
import { NotCompilable } from '../compiled/layers.ts';

/** Bounds of every element: |value − centre| ≤ radius. Same shape, with the batch side. */
export interface Interval {
  readonly centre: tf.Tensor;
  readonly radius: tf.Tensor;
}

type ConstantOf = (name: string) => GraphTensor | undefined;

type IntervalRule = (
  inputs: readonly Interval[],
  operation: AppliedOperation,
  constantOf: ConstantOf,
) => Interval;

/** Half a unit in the last place of float32, relative. */
const UNIT_ROUNDOFF = 2 ** -24;

/**
 * Interval bound propagation, one rule per operation of the compiled graph.
 *
 * Linear operations: centre by the operation, radius by its absolute weights. Monotone ones: by both ends. Each result
 * computed in float32 may be off by rounding; its bound is added to the radius, so that the intervals hold for the exact
 * network and for the float32 network alike: for a sum of k products |error| ≤ γ_k Σ |a_i b_i|, γ_k = k u / (1 − k u).
 *
 * @see Gowal et al. (2018), arXiv 1810.12715; Higham, Accuracy and Stability of Numerical Algorithms, §3.1
 */
const RULES: Readonly<Record<string, IntervalRule>> = {
  Conv2D: ([input], operation, constantOf) => {
    const filter = constantOf(operation.inputs[1]!.name)!;
    const [height, width, channels] = filter.shape as [number, number, number];
    const { strides, padding } = operation.attributes;
    const step = strides?.kind === 'ints' ? strides.value : [1, 1, 1, 1];
    const pad = padding?.kind === 'string' && padding.value === 'SAME' ? 'same' : 'valid';
    const convolve = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [step[1]!, step[2]!], pad);
    return linear(input!, tensorOf(filter), { apply: convolve, terms: height * width * channels });
  },
  MatMul: ([input], operation, constantOf) => {
    const kernel = constantOf(operation.inputs[1]!.name)!;
    return linear(input!, tensorOf(kernel), {
      apply: (x, w) => tf.matMul(x, w),
      terms: kernel.shape[0]!,
    });
  },
  BiasAdd: ([input], operation, constantOf) =>
    shifted(input!, tensorOf(constantOf(operation.inputs[1]!.name)!)),
  Mul: ([input], operation, constantOf) => {
    const factor = tensorOf(constantOf(operation.inputs[1]!.name)!);
    return rounded(
      { centre: tf.mul(input!.centre, factor), radius: tf.mul(input!.radius, tf.abs(factor)) },
      1,
    );
  },
  AddV2: (inputs, operation, constantOf) => {
    const [left, right] = inputs;
    if (right !== undefined)
      return rounded(
        { centre: tf.add(left!.centre, right.centre), radius: tf.add(left!.radius, right.radius) },
        1,
      );
    return shifted(left!, tensorOf(constantOf(operation.inputs[1]!.name)!));
  },
  Relu: ([input]) => monotone(input!, (x) => tf.relu(x)),
  Tanh: ([input]) => widened(monotone(input!, (x) => tf.tanh(x))),
  Sigmoid: ([input]) => widened(monotone(input!, (x) => tf.sigmoid(x))),
  MaxPool: ([input], operation) => monotone(input!, poolOf(operation, 'max')),
  AvgPool: ([input], operation) => {
    const pool = poolOf(operation, 'avg');
    const { ksize } = operation.attributes;
    const cells = ksize?.kind === 'ints' ? ksize.value.reduce((a, b) => a * b, 1) : 1;
    return rounded(
      { centre: pool(input!.centre), radius: pool(input!.radius) },
      cells + 1,
      pool(tf.abs(input!.centre)),
    );
  },
  Mean: ([input]) => {
    const mean = (x: tf.Tensor): tf.Tensor => tf.mean(x, [1, 2]);
    const cells = input!.centre.shape[1]! * input!.centre.shape[2]!;
    return rounded(
      { centre: mean(input!.centre), radius: mean(input!.radius) },
      cells + 1,
      mean(tf.abs(input!.centre)),
    );
  },
  Reshape: ([input], { output }) => each(input!, (x) => tf.reshape(x, [x.shape[0], ...output.shape])),
  Pad: ([input], operation, constantOf) => {
    const values = Array.from(constantOf(operation.inputs[1]!.name)!.values);
    const paddings = Array.from({ length: values.length / 2 }, (_, i): [number, number] => [
      values[2 * i]!,
      values[2 * i + 1]!,
    ]);
    return each(input!, (x) => tf.pad(x, paddings));
  },
};

/** @throws {NotCompilable} for an operation without a rule */
export function applyIntervalRule(
  inputs: readonly Interval[],
  operation: AppliedOperation,
  constantOf: ConstantOf,
): Interval {
  const rule = RULES[operation.operation];
  if (rule === undefined) throw new NotCompilable(`operation ${operation.operation} has no interval rule`);
  return rule(inputs, operation, constantOf);
}

/** γ_k, the relative error of a float32 sum of k products, with room for the error of computing the bound itself. */
export function sumError(terms: number): number {
  const k = 2 * (terms + 2);
  return (k * UNIT_ROUNDOFF) / (1 - k * UNIT_ROUNDOFF);
}

function linear(
  { centre, radius }: Interval,
  weights: tf.Tensor,
  { apply, terms }: { apply: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor; terms: number },
): Interval {
  const size = tf.abs(weights);
  const reach = apply(tf.add(tf.abs(centre), radius), size);
  return {
    centre: apply(centre, weights),
    radius: tf.add(apply(radius, size), tf.mul(reach, sumError(terms))),
  };
}

function shifted({ centre, radius }: Interval, by: tf.Tensor): Interval {
  return rounded({ centre: tf.add(centre, by), radius }, 1, tf.add(tf.abs(centre), tf.abs(by)));
}

/** A function that never falls, exact in float32: both ends go through it. */
function monotone({ centre, radius }: Interval, f: (x: tf.Tensor) => tf.Tensor): Interval {
  const [low, high] = [f(tf.sub(centre, outer(centre, radius))), f(tf.add(centre, outer(centre, radius)))];
  return rounded(
    { centre: tf.div(tf.add(low, high), 2), radius: tf.div(tf.sub(high, low), 2) },
    2,
    tf.maximum(tf.abs(low), tf.abs(high)),
  );
}

/** The radius, wide enough that rounding centre ± radius loses nothing. */
function outer(centre: tf.Tensor, radius: tf.Tensor): tf.Tensor {
  return tf.add(radius, tf.mul(tf.add(tf.abs(centre), radius), sumError(1)));
}

/** Adds what rounding may have done: `terms` roundings of values up to `size` (default: |centre| + radius). */
function rounded(interval: Interval, terms: number, size?: tf.Tensor): Interval {
  const { centre, radius } = interval;
  const reach = tf.add(size ?? tf.abs(centre), radius);
  return { centre, radius: tf.add(radius, tf.mul(reach, sumError(terms))) };
}

/** Library functions are not correctly rounded: a few units in the last place of a value up to 1. */
function widened({ centre, radius }: Interval): Interval {
  return { centre, radius: tf.add(radius, 64 * UNIT_ROUNDOFF) };
}

function each({ centre, radius }: Interval, f: (x: tf.Tensor) => tf.Tensor): Interval {
  return { centre: f(centre), radius: f(radius) };
}

function poolOf({ attributes }: AppliedOperation, kind: 'max' | 'avg'): (x: tf.Tensor) => tf.Tensor {
  const { ksize, strides, padding } = attributes;
  const size = ksize?.kind === 'ints' ? ksize.value : [1, 1, 1, 1];
  const step = strides?.kind === 'ints' ? strides.value : [1, 1, 1, 1];
  const pad = padding?.kind === 'string' && padding.value === 'SAME' ? 'same' : 'valid';
  return (x) => tf.pool(x as tf.Tensor4D, [size[1]!, size[2]!], kind, pad, undefined, [step[1]!, step[2]!]);
}

function tensorOf({ shape, values }: GraphTensor): tf.Tensor {
  return tf.tensor(values, [...shape]);
}
