import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/** What tfjs-node's backend offers beyond the kernels of tfjs: any TensorFlow operation by name. */
interface NativeBackend {
  executeSingleOutput(
    operation: string,
    attributes: readonly unknown[],
    inputs: readonly TensorInfo[],
  ): Tensor;
  // The attribute type of the element type T, as the operation wants it.
  binding: { TF_ATTR_TYPE: number; TF_FLOAT: number };
}

let registered = false;

/** tfjs composes relu's gradient from four operations; TensorFlow has one. Once per process. */
export function registerNativeGradients(): void {
  if (registered) return;
  registered = true;
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (dy: Tensor | Tensor[], saved: Tensor[]) => ({
      x: () => reluGradient(dy as Tensor, saved[0]!),
    }),
  });
}

function reluGradient(dy: Tensor, y: Tensor): Tensor {
  const backend = tf.backend() as unknown as NativeBackend;
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  return backend.executeSingleOutput(
    'ReluGrad',
    [{ name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }],
    [dy, y],
  );
}
