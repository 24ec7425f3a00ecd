import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/** What the WebAssembly backend offers to kernels beyond the common interface. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: 'float32'): TensorInfo;
  disposeData(dataId: object): boolean;
  incRef(dataId: object): void;
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  readonly wasm: { readonly HEAPF32: Float32Array };
}

/** A new float32 tensor of the WebAssembly backend; its content is undefined until written. */
export function allocate(shape: readonly number[]): TensorInfo {
  return wasmBackend().makeOutput(shape, 'float32');
}

/** Gives a tensor's memory back that a kernel made for itself. */
export function release(info: TensorInfo): void {
  wasmBackend().disposeData(info.dataId);
}

/** The same memory under another shape, counted as one more reference to it. */
export function share(info: TensorInfo, shape: readonly number[] = info.shape): TensorInfo {
  wasmBackend().incRef(info.dataId);
  return reshaped(info, shape);
}

/** The same memory under another shape, for the length of a call. */
export function reshaped({ dataId, dtype }: TensorInfo, shape: readonly number[]): TensorInfo {
  return { dataId, dtype, shape: [...shape] };
}

/** All memory of the backend as float32. Valid until the next allocation: the heap moves when it grows. */
export function heap(): Float32Array {
  return wasmBackend().wasm.HEAPF32;
}

/** Where a float32 tensor starts in `heap()`, in elements. */
export function startOf(info: TensorInfo): number {
  return wasmBackend().dataIdMap.get(info.dataId).memoryOffset / Float32Array.BYTES_PER_ELEMENT;
}

/** The tensor's memory itself, without a copy. Valid until the next allocation. */
export function memoryOf(info: TensorInfo): Float32Array {
  const start = startOf(info);
  return heap().subarray(start, start + tf.util.sizeFromShape(info.shape));
}

/**
 * Runs a kernel of the backend directly: no tape, no tensor objects. The caller releases what comes back.
 * @param inputs tensors by the kernel's names for them     @param attributes as the kernel defines them
 */
export function compute(kernel: string, inputs: NamedTensorInfoMap, attributes: object = {}): TensorInfo {
  const { kernelFunc } = tf.getKernel(kernel, 'wasm');
  // One output each: all kernels that ours are built from.
  return kernelFunc({ inputs, attrs: attributes as NamedAttrMap, backend: tf.backend() }) as TensorInfo;
}

/** A tensor with its axes in another order. */
export function transposed(x: TensorInfo, perm: readonly number[]): TensorInfo {
  return compute('Transpose', { x }, { perm });
}

function wasmBackend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend; // our kernels are registered for the backend that has these
}
