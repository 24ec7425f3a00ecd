import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';
import { reshaped } from './kernel-calls.ts';

/** What the WebAssembly backend offers to kernels beyond the common interface. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: 'float32'): TensorInfo;
  incRef(dataId: object): void;
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  readonly wasm: { readonly HEAPF32: Float32Array };
}

/** A new float32 tensor of the WebAssembly backend; its content is undefined until written. */
export function allocate(shape: readonly number[]): TensorInfo {
  return wasmBackend().makeOutput(shape, 'float32');
}

/** The same memory, counted as one more reference to it. */
export function share(info: TensorInfo): TensorInfo {
  wasmBackend().incRef(info.dataId);
  return reshaped(info, info.shape);
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

function wasmBackend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend; // our kernels are registered for the backend that has these
}
