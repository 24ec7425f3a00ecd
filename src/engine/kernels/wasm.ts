import type { TensorInfo } from '@tensorflow/tfjs-core';
import { transposingBatchMatMul } from './batch-mat-mul.ts';
import { filterGradient } from './conv2d-backprop-filter.ts';
import { inputGradient } from './conv2d-backprop-input.ts';
import { compute, release } from './kernel-calls.ts';
import { maxPoolGradient } from './max-pool-grad.ts';
import { replaceKernel } from './replace-kernel.ts';
import { registerReluGradient } from './relu-gradient.ts';
import { share } from './wasm-memory.ts';

let registered = false;

/** Kernels that the WebAssembly backend lacks, or that ours outrun. Once per process. */
export function registerWasmKernels(): void {
  if (registered) return;
  registered = true;
  register('Conv2DBackpropFilter', filterGradient);
  register('Conv2DBackpropInput', inputGradient);
  register('MaxPoolGrad', maxPoolGradient);
  replaceKernel('wasm', 'BatchMatMul', transposingBatchMatMul);
  registerReluGradient('wasm', ({ inputs }) => reluGradient(inputs as never));
  // The stock kernel copies. No kernel writes into its inputs, so a clone may be the same memory.
  register('Identity', ({ x }: { x: TensorInfo }) => share(x));
}

/** dy where y > 0: in the backend's own vector code, and without the copy that tfjs's cast of the mask makes. */
function reluGradient({ dy, y }: { dy: TensorInfo; y: TensorInfo }): TensorInfo {
  const mask = compute('Step', { x: y }, { alpha: 0 });
  const masked = compute('Multiply', { a: dy, b: mask });
  release(mask);
  return masked;
}

/**
 * Registers a kernel by its inputs and attributes alone. tfjs checks neither the names nor the types of what it hands to a
 * kernel: they are the operation's.
 */
function register(kernelName: string, kernel: (inputs: never, attributes: never) => TensorInfo): void {
  replaceKernel(
    'wasm',
    kernelName,
    () =>
      ({ inputs, attrs }) =>
        kernel(inputs as never, attrs as never),
  );
}
