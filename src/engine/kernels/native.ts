import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';
import { imageGradient } from './native-conv2d-backprop-input.ts';
import { filterGradientOfGaps } from './native-filter-gradient.ts';
import { registerReluGradient } from './relu-gradient.ts';
import { replaceKernel } from './replace-kernel.ts';

/** What tfjs-node's backend offers beyond the kernels of tfjs: any TensorFlow operation by name. */
interface NativeBackend {
  executeSingleOutput(
    operation: string,
    attributes: readonly unknown[],
    inputs: readonly TensorInfo[],
  ): Tensor;
  // The attribute type of the element type T, as the operation wants it.
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_FLOAT: number };
}

let registered = false;

/**
 * Gradients that TensorFlow has as one operation and tfjs composes, that have a faster way, or that are only safe another
 * way. Once per process.
 */
export function registerNativeKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernel('tensorflow', 'Conv2DBackpropInput', imageGradient);
  replaceKernel('tensorflow', 'Conv2DBackpropFilter', filterGradientOfGaps);
  replaceKernel('tensorflow', 'DepthwiseConv2dNativeBackpropFilter', filterGradientOfGaps);
  registerReluGradient('tensorflow', ({ inputs }) => {
    const backend = tf.backend() as unknown as NativeBackend; // registered for the backend that has these
    const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
    const type = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
    return backend.executeSingleOutput('ReluGrad', [type], [inputs.dy!, inputs.y!]);
  });
}
