import type { KernelFunc } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/**
 * Puts a kernel in the place of a backend's own, if it has one.
 * @param make gets the kernel that was there; a kernel that falls back to it must know that there is one
 */
export function replaceKernel(
  backendName: string,
  kernelName: string,
  make: (original: KernelFunc) => KernelFunc,
): void {
  // The type hides that a kernel may be absent.
  const present = tf.getKernel(kernelName, backendName) as { kernelFunc: KernelFunc } | undefined;
  if (present !== undefined) tf.unregisterKernel(kernelName, backendName);
  const absent: KernelFunc = () => {
    throw new Error(`the ${backendName} backend has no kernel ${kernelName} of its own`);
  };
  tf.registerKernel({ kernelName, backendName, kernelFunc: make(present?.kernelFunc ?? absent) });
}
