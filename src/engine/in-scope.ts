import { tf } from './tf.ts';

/**
 * `tf.tidy` for a function that gives plain data. Data must not go through `tf.tidy` itself: it looks for tensors in what
 * it returns, element by element through every typed array, which takes longer than the gradient of a small network.
 */
export function inScope<T>(compute: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = compute();
  });
  return result as T;
}
