import type { KernelFunc, Tensor } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/** The kernel's name, as TensorFlow has it: inputs dy and y = relu(x), output dy where y > 0, 0 elsewhere. */
const RELU_GRADIENT = 'ReluGrad';

/**
 * Makes relu's gradient one kernel on this backend. tfjs composes it from four operations, which natively took a fifth of
 * an input gradient. Other backends of the process keep the composition.
 */
export function registerReluGradient(backendName: string, kernelFunc: KernelFunc): void {
  tf.registerKernel({ kernelName: RELU_GRADIENT, backendName, kernelFunc });
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
  // The type hides that a kernel may be absent.
  const kernel = tf.getKernel(RELU_GRADIENT, tf.getBackend()) as object | undefined;
  if (kernel === undefined) return tf.mul(dy, tf.step(y));
  return tf.engine().runKernel(RELU_GRADIENT, { dy, y });
}
