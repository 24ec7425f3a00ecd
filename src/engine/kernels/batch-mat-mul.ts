import type { KernelFunc, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import { release, transposed } from './kernel-calls.ts';

/**
 * Matrix product with transposed operands. The WebAssembly backend multiplies transposed operands in a plain loop and
 * the others in an optimised one, so they are transposed first; that costs a copy and saves an order of magnitude.
 */
export function transposingBatchMatMul(original: KernelFunc): KernelFunc {
  return ({ inputs, backend, attrs }) => {
    const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
    const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const operands = { a: transposeA ? lastTwoSwapped(a) : a, b: transposeB ? lastTwoSwapped(b) : b };
    const attributes: NamedAttrMap = { transposeA: false, transposeB: false };
    const product = original({ inputs: operands, backend, attrs: attributes });
    if (transposeA) release(operands.a);
    if (transposeB) release(operands.b);
    return product;
  };
}

function lastTwoSwapped(info: TensorInfo): TensorInfo {
  const last = info.shape.length - 1;
  const leading = Array.from({ length: last - 1 }, (_, axis) => axis);
  return transposed(info, [...leading, last, last - 1]);
}
