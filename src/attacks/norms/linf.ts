import { clampToBounds } from './clamp.ts';
import { nextAbove, nextBelow } from './float32.ts';
import type { Ball, BallOptions } from './ball.ts';

/**
 * |x − x₀| ≤ ε in every feature. Bounds are rounded inwards once, so that clipping to them keeps the distance, taken
 * between float32 values, at most ε.
 */
export function createLinfBall({ originals, features, epsilon, range }: BallOptions): Ball {
  const { lower, upper } = linfBounds(originals, epsilon, range);
  return {
    norm: 'linf',
    epsilon,
    bounds: { lower, upper },
    project({ values, rows, count }) {
      const bounds = { lower, upper, at: 0 };
      for (let i = 0; i < count; i++) {
        bounds.at = rows[i]! * features;
        clampToBounds({ values, from: i * features, count: features }, bounds);
      }
    },
    normalise(gradients, count) {
      for (let i = 0; i < count * features; i++) {
        const g = gradients[i]!;
        gradients[i] = Number(g > 0) - Number(g < 0);
      }
    },
    climb({ values, rows, count }, { directions, sizes }) {
      for (let i = 0; i < count; i++) {
        const size = sizes[i]!;
        const bound = rows[i]! * features;
        const from = i * features;
        for (let j = 0; j < features; j++) {
          const g = directions[from + j]!;
          // In float32 as between two passes; chosen by products as in clampToBounds.
          const x = Math.fround(values[from + j]! + size * (Number(g > 0) - Number(g < 0)));
          const least = lower[bound + j]!;
          const most = upper[bound + j]!;
          const isBelow = Number(x < least);
          const isAbove = Number(x > most);
          values[from + j] = x * (1 - isBelow - isAbove) + least * isBelow + most * isAbove;
        }
      }
    },
    drawInside(point, example, rng) {
      for (let j = 0; j < features; j++)
        point[j] = originals[example * features + j]! + epsilon * (2 * rng.uniform() - 1);
    },
    drawSurface(point, example, rng) {
      const noise = Float64Array.from({ length: features }, () => 2 * rng.uniform() - 1);
      const scale = epsilon / (noise.reduce((most, x) => Math.max(most, Math.abs(x)), 0) + 1e-12);
      for (let j = 0; j < features; j++) point[j] = originals[example * features + j]! + scale * noise[j]!;
    },
  };
}

/** Largest and smallest float32 value that each feature may take; each lies within ε of the original and in the range. */
export function linfBounds(
  originals: Float32Array,
  epsilon: number,
  [low, high]: readonly [number, number],
): { lower: Float32Array; upper: Float32Array } {
  const lower = new Float32Array(originals.length);
  const upper = new Float32Array(originals.length);
  for (let i = 0; i < originals.length; i++) {
    const x = originals[i]!;
    let least = Math.fround(Math.max(low, x - epsilon));
    if (x - least > epsilon || least < low) least = nextAbove(least);
    let most = Math.fround(Math.min(high, x + epsilon));
    if (most - x > epsilon || most > high) most = nextBelow(most);
    lower[i] = least;
    upper[i] = most;
  }
  return { lower, upper };
}
