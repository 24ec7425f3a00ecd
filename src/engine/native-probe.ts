/** Run in a child process by `chooseEngine`: exits 0 only if tfjs-node loads and a convolution's gradient is right. */
import { startBackend } from './backend.ts';
import type { Rank, Tensor4D } from '@tensorflow/tfjs-core';
import { tf } from './tf.ts';

/** d/dx Σ conv(x, w) with 'same' padding: each input cell collects the filter taps that touch it. */
const EXPECTED = [10, 6, 9, 5, 3, 5, 4, 3, 4].map(() => 10);

async function main(): Promise<void> {
  await startBackend('tensorflow');
  const x = tf.ones<Rank.R4>([1, 4, 4, 1]);
  const w = tf.tensor4d([1, 2, 3, 4], [2, 2, 1, 1]);
  const gradient = tf.grad((input) => tf.sum(tf.conv2d(input as Tensor4D, w, 1, 'same')))(x);
  const inner = await gradient.slice([0, 1, 1, 0], [1, 3, 3, 1]).data();
  if (Array.from(inner).join() !== EXPECTED.join()) {
    throw new Error(`Error: expected a gradient of ${EXPECTED.join()}, got ${Array.from(inner).join()}`);
  }
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
