import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';

/**
 * Matrix product with transposed operands. The WebAssembly backend multiplies transposed operands in a plain loop and
 * the others in an optimised one, so they are transposed first; that costs a copy and saves an order of magnitude.
 */
export function fastBatchMatMul(original: KernelFunc): KernelConfig {
  return {
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      if (!transposeA && !transposeB) return original({ inputs, backend, attrs: attrs! });
      return tf.tidy(() => {
        const operands = { a: transposeA ? lastTwoSwapped(a) : a, b: transposeB ? lastTwoSwapped(b) : b };
        const product = original({
          inputs: operands,
          backend,
          attrs: { transposeA: false, transposeB: false },
        });
        return tf.engine().makeTensorFromTensorInfo(product as TensorInfo);
      });
    },
  };
}

function lastTwoSwapped(info: TensorInfo): TensorInfo {
  const rank = info.shape.length;
  const order = Array.from({ length: rank }, (_, axis) => axis);
  order[rank - 2] = rank - 1;
  order[rank - 1] = rank - 2;
  return tf.transpose(tf.engine().makeTensorFromTensorInfo(info), order);
}
