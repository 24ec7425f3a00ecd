import type { Tensor4D } from '@tensorflow/tfjs-core';
import { AppError } from '../domain/errors.ts';
import { tf } from './tf.ts';

/**
 * Gradients of Σ m · relu(conv(x, w)) with x = 1 … 9 in 3×3, w = m = [[1, 2], [3, 4]], padding 'valid', by hand:
 * dx is the full convolution of m and w, dw the correlation of x and m. relu passes everything: all sums are positive.
 */
const EXPECTED = {
  x: [1, 4, 4, 6, 20, 16, 9, 24, 16],
  w: [37, 47, 67, 77],
};

/**
 * Computes a small convolution's gradients with the backend of this process and compares them to known values: some
 * installations load but compute nothing right.
 *
 * @throws {AppError} TEMPER_ENGINE_UNAVAILABLE with what was expected and what came out
 */
export async function checkGradients(): Promise<void> {
  const [dx, dw] = tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const w = tf.tensor4d([1, 2, 3, 4], [2, 2, 1, 1]);
    const m = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    const output = (input: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
      tf.sum(tf.mul(m, tf.relu(tf.conv2d(input as Tensor4D, filter as Tensor4D, 1, 'valid'))));
    return tf.grads(output)([x, w]) as [tf.Tensor, tf.Tensor];
  });
  const [gotX, gotW] = await Promise.all([dx.data(), dw.data()]);
  tf.dispose([dx, dw]);
  compare('input', EXPECTED.x, gotX);
  compare('filter', EXPECTED.w, gotW);
}

function compare(what: string, expected: readonly number[], got: ArrayLike<number>): void {
  // Integers this small are exact in any correct float32 convolution.
  if (expected.every((value, index) => value === got[index])) return;
  throw new AppError(
    'TEMPER_ENGINE_UNAVAILABLE',
    `expected a convolution's ${what} gradient of ${expected.join(', ')}, got ${Array.from(got).join(', ')}`,
  );
}
