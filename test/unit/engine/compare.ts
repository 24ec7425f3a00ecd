import fc from 'fast-check';
import { createRng } from '../../../src/domain/rng.ts';
import type { EngineName } from '../../../src/engine/choose.ts';
import { tf } from '../../../src/engine/tf.ts';

/** float32 sums of a few hundred products of numbers around 1. */
const TOLERANCE = 2e-5;

/** Normal values that depend on the name and shape alone. */
export function normals(
  identity: string,
  shape: readonly number[],
): { values: Float32Array; shape: number[] } {
  const rng = createRng('kernels-test', identity);
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => rng.normal());
  return { values, shape: [...shape] };
}

export type BackendName = EngineName | 'cpu';

export type Data = ReturnType<typeof normals>;
export type Compute = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** Tensors and memory in use; memory that a kernel forgot has no tensor and shows in the backend's own count only. */
function held(): object {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  const backend = tf.backend() as unknown as { numDataIds(): number }; // of every backend of tfjs, but not in its type
  return { numTensors, numDataBuffers, numBytes, numDataIds: backend.numDataIds() };
}

/** Runs the same operations on a backend, from plain data to plain data; fails when they leave anything behind. */
export async function on(
  backend: BackendName,
  inputs: readonly Data[],
  compute: Compute,
): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const before = held();
  const outputs = tf.tidy(() => {
    const result = compute(...inputs.map(({ values, shape }) => tf.tensor(values, shape)));
    return (Array.isArray(result) ? result : [result]).map((tensor) => tensor.dataSync() as Float32Array);
  });
  expect(held()).toEqual(before);
  return outputs;
}

function largestDifference(left: Float32Array, right: Float32Array): number {
  expect(left).toHaveLength(right.length);
  return left.reduce((worst, value, i) => {
    const difference = Math.abs(value - right[i]!) / (1 + Math.abs(right[i]!));
    return Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  }, 0);
}

/** Expects of an engine what the plain JavaScript backend computes. */
export async function expectLikeCpu(
  engine: EngineName,
  inputs: readonly Data[],
  compute: Compute,
): Promise<void> {
  const ours = await on(engine, inputs, compute);
  const reference = await on('cpu', inputs, compute);
  ours.forEach((values, i) => expect(largestDifference(values, reference[i]!)).toBeLessThan(TOLERANCE));
}

export interface Convolution {
  readonly input: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid' | number;
}

/** Both gradients of a convolution, for an upstream gradient that is no constant. */
export async function expectConvolutionGradients(
  engine: EngineName,
  convolution: Convolution,
): Promise<void> {
  const { input, filter, strides, pad: padding } = convolution;
  const rounding = typeof padding === 'number' ? 'floor' : undefined;
  const info = tf.backend_util.computeConv2DInfo(input, filter, strides, 1, padding, rounding);
  fc.pre(info.outHeight > 0 && info.outWidth > 0);
  const name = JSON.stringify([input, filter, strides, padding]);
  const data = [normals(`x${name}`, input), normals(`w${name}`, filter), normals(`dy${name}`, info.outShape)];
  await expectLikeCpu(engine, data, (x, w, dy) =>
    tf.grads((image, kernel) =>
      tf.conv2d(image as tf.Tensor4D, kernel as tf.Tensor4D, strides, padding, 'NHWC', 1, rounding),
    )([x, w], dy),
  );
}
