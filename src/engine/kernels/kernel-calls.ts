import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/**
 * Runs a kernel of the current backend directly: no tape, no tensor objects. The caller releases what comes back.
 * @param inputs tensors by the kernel's names for them     @param attributes as the kernel defines them
 */
export function compute(kernel: string, inputs: NamedTensorInfoMap, attributes: object = {}): TensorInfo {
  const { kernelFunc } = tf.getKernel(kernel, tf.getBackend());
  // One output each: all kernels that ours are built from.
  return kernelFunc({ inputs, attrs: attributes as NamedAttrMap, backend: tf.backend() }) as TensorInfo;
}

/** Gives the memory back of a tensor that a kernel made for itself. */
export function release(info: TensorInfo): void {
  tf.backend().disposeData(info.dataId);
}

/** The same memory under another shape, for the length of a call. */
export function reshaped({ dataId, dtype }: TensorInfo, shape: readonly number[]): TensorInfo {
  return { dataId, dtype, shape: [...shape] };
}

/** A tensor with its axes in another order. */
export function transposed(x: TensorInfo, perm: readonly number[]): TensorInfo {
  return compute('Transpose', { x }, { perm });
}

/** Copies a float32 tensor out: for small ones, such as filters. */
export function valuesOf(info: TensorInfo): Float32Array {
  return tf.backend().readSync(info.dataId) as Float32Array; // what float32 tensors hold
}

/** Copies values into a new tensor. */
export function tensorOf(values: Float32Array, shape: readonly number[]): TensorInfo {
  return { dataId: tf.backend().write(values, [...shape], 'float32'), shape: [...shape], dtype: 'float32' };
}
