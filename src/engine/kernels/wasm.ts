import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';
import { fastBatchMatMul } from './batch-mat-mul.ts';
import { filterGradient, type ConvolutionGradientAttributes } from './conv2d-backprop-filter.ts';
import { inputGradient } from './conv2d-backprop-input.ts';

type Tensor4D = ReturnType<typeof tf.tensor4d>;

let registered = false;

/** Kernels that the WebAssembly backend lacks, or that ours outrun. Once per process. */
export function registerWasmKernels(): void {
  if (registered) return;
  registered = true;
  tf.registerKernel(filterKernel);
  tf.unregisterKernel('Conv2DBackpropInput', 'wasm');
  tf.registerKernel(inputKernel);
  const { kernelFunc } = tf.getKernel('BatchMatMul', 'wasm');
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel(fastBatchMatMul(kernelFunc));
}

const filterKernel: KernelConfig = {
  kernelName: 'Conv2DBackpropFilter',
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
    const attributes = attrs as unknown as ConvolutionGradientAttributes & { filterShape: readonly number[] };
    return filterGradient(asTensor(x), asTensor(dy), attributes);
  },
};

const inputKernel: KernelConfig = {
  kernelName: 'Conv2DBackpropInput',
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { dy, filter } = inputs as { dy: TensorInfo; filter: TensorInfo };
    const attributes = attrs as unknown as ConvolutionGradientAttributes & { inputShape: readonly number[] };
    return inputGradient(asTensor(dy), asTensor(filter), attributes);
  },
};

/** A kernel is handed tensor infos; operations want tensors over the same data. */
function asTensor(info: TensorInfo): Tensor4D {
  return tf.engine().makeTensorFromTensorInfo(info) as Tensor4D;
}
