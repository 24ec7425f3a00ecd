import { permutation, type Rng } from '../../domain/rng.ts';
import type { Ball, BallOptions } from './ball.ts';
import { float32Range } from './clamp.ts';
import { kthLargest } from './select.ts';

/**
 * At most ⌊ε⌋ features differ from the original. Projection onto ball and range at once: a feature that is kept is
 * clipped to the range, and those are kept whose keeping saves most, (wish)² − (what clipping cuts off)². Ties: the first.
 * Directions are gradients scaled to a largest component of 1. "Uniform" draws set ⌊ε⌋ features anywhere in the range.
 */
export function createL0Ball(options: BallOptions): Ball {
  const { originals, features, epsilon } = options;
  const range = float32Range(options.range);
  const kept = Math.min(Math.floor(epsilon), features);
  const projectRow = createRowProjection(features, { kept, range });
  const draw = (point: Float32Array, example: number, rng: Rng): void => {
    const [low, high] = range;
    point.set(originals.subarray(example * features, (example + 1) * features));
    for (const j of permutation(features, rng).subarray(0, kept))
      point[j] = low + (high - low) * rng.uniform();
  };
  return {
    norm: 'l0',
    epsilon,
    project({ values, rows, count }) {
      for (let i = 0; i < count; i++) {
        const from = rows[i]! * features;
        projectRow(
          values.subarray(i * features, (i + 1) * features),
          originals.subarray(from, from + features),
        );
      }
    },
    normalise(gradients, count) {
      for (let i = 0; i < count; i++) {
        const row = gradients.subarray(i * features, (i + 1) * features);
        const most = row.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        if (most > 0) for (let j = 0; j < features; j++) row[j] = row[j]! / most;
      }
    },
    drawInside: draw,
    drawSurface: draw,
  };
}

function createRowProjection(
  features: number,
  { kept, range: [low, high] }: { kept: number; range: readonly [number, number] },
): (point: Float32Array, original: Float32Array) => void {
  const savings = new Float64Array(features);
  const scratch = new Float64Array(features);
  return (point, original) => {
    for (let j = 0; j < features; j++) {
      const wish = point[j]!;
      point[j] = Math.min(Math.max(wish, low), high);
      savings[j] = (wish - original[j]!) ** 2 - (wish - point[j]!) ** 2;
    }
    const least = kept === 0 ? Infinity : kthLargest(copyOf(savings, scratch), kept);
    let ties = kept;
    for (const saved of savings) if (saved > least) ties--;
    for (let j = 0; j < features; j++) {
      const isKept = savings[j]! > least || (savings[j] === least && ties-- > 0);
      if (!isKept) point[j] = original[j]!;
    }
  };
}

function copyOf(values: Float64Array, into: Float64Array): Float64Array {
  into.set(values);
  return into;
}
