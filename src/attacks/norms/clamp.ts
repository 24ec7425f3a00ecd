import { nextAbove, nextBelow } from './float32.ts';

/**
 * Clips finite values to bounds, in place: values[from + j] to lower[at + j] … upper[at + j], for j < count.
 * Chosen by products with 0 and 1 instead of branches, which are exact and here more than twice as fast: whether a pixel
 * is at its bound is as good as random to the processor.
 */
export function clampToBounds(
  { values, from, count }: { values: Float32Array; from: number; count: number },
  { lower, upper, at }: { lower: Float32Array; upper: Float32Array; at: number },
): void {
  for (let j = 0; j < count; j++) {
    const x = values[from + j]!;
    const low = lower[at + j]!;
    const high = upper[at + j]!;
    const isBelow = Number(x < low);
    const isAbove = Number(x > high);
    values[from + j] = x * (1 - isBelow - isAbove) + low * isBelow + high * isAbove;
  }
}

/** The same with one pair of bounds for all values. */
export function clampToRange(values: Float32Array, [low, high]: readonly [number, number]): void {
  for (let j = 0; j < values.length; j++) {
    const x = values[j]!;
    const isBelow = Number(x < low);
    const isAbove = Number(x > high);
    values[j] = x * (1 - isBelow - isAbove) + low * isBelow + high * isAbove;
  }
}

/** The float32 values nearest to the ends of a range that lie inside it: 0.1 rounds to a float32 that is larger. */
export function float32Range([low, high]: readonly [number, number]): readonly [number, number] {
  const least = Math.fround(low);
  const most = Math.fround(high);
  return [least < low ? nextAbove(least) : least, most > high ? nextBelow(most) : most];
}
