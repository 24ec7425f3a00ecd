import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/** What the WebAssembly backend offers to kernels beyond the common interface. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: 'float32'): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
}

/** A new float32 tensor of the WebAssembly backend; its content is undefined until written. */
export function allocate(shape: readonly number[]): TensorInfo {
  return wasmBackend().makeOutput(shape, 'float32');
}

/** The tensor's memory itself, without a copy. Valid until the next allocation: the heap may move when it grows. */
export function memoryOf(info: TensorInfo): Float32Array {
  return wasmBackend().typedArrayFromHeap(info);
}

function wasmBackend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend; // only registered for the backend that has these
}
