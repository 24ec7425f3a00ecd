import { distanceBetween } from '../../domain/distance.ts';
import type { Rng } from '../../domain/rng.ts';
import type { Ball, BallOptions } from './ball.ts';
import { clampToRange, float32Range } from './clamp.ts';

/**
 * How much less than ε is aimed at, in turn, until the point rounded to float32 lies inside; then the original itself is
 * taken. The first is more than rounding usually adds.
 */
const SHRINK = [1e-7, 1e-6, 1e-5, 1e-3, 1e-1];

/** √Σ(x − x₀)² ≤ ε. A point outside is pulled back along the line to the original; then the range is cut. */
export function createL2Ball(options: BallOptions): Ball {
  const { originals, features, epsilon } = options;
  const draw = (point: Float32Array, example: number, scaled: readonly [Float64Array, number]): void => {
    const [noise, radius] = scaled;
    const scale = radius / (lengthOf(noise) + 1e-12);
    for (let j = 0; j < features; j++) point[j] = originals[example * features + j]! + scale * noise[j]!;
  };
  return {
    norm: 'l2',
    epsilon,
    project({ values, rows, count }) {
      for (let i = 0; i < count; i++)
        projectRow(values.subarray(i * features, (i + 1) * features), rows[i]!, options);
    },
    normalise(gradients, count) {
      for (let i = 0; i < count; i++) {
        const row = gradients.subarray(i * features, (i + 1) * features);
        const length = lengthOf(row);
        if (length === 0) continue;
        const scale = 1 / length;
        for (let j = 0; j < features; j++) row[j]! *= scale;
      }
    },
    drawInside(point, example, rng) {
      const noise = normalDraws(features, rng);
      draw(point, example, [noise, epsilon * rng.uniform() ** (1 / features)]);
    },
    drawSurface(point, example, rng) {
      draw(point, example, [normalDraws(features, rng), epsilon]);
    },
  };
}

function projectRow(point: Float32Array, example: number, options: BallOptions): void {
  const { originals, features, epsilon } = options;
  const original = originals.subarray(example * features, (example + 1) * features);
  const distanceOf = (): number =>
    distanceBetween('l2', { values: original, row: 0 }, { values: point, row: 0 }, features);
  let distance = distanceOf();
  for (const shrink of SHRINK) {
    if (!(distance > epsilon)) break;
    pullTowards(original, point, (epsilon * (1 - shrink)) / distance);
    distance = distanceOf();
  }
  if (distance > epsilon) point.set(original);
  // Clipping moves towards the original, which is in the range.
  clampToRange(point, float32Range(options.range));
}

/** point ← original + scale·(point − original). */
function pullTowards(original: Float32Array, point: Float32Array, scale: number): void {
  for (let j = 0; j < point.length; j++) {
    const x = original[j]!;
    point[j] = x + scale * (point[j]! - x);
  }
}

function normalDraws(count: number, rng: Rng): Float64Array {
  return Float64Array.from({ length: count }, () => rng.normal());
}

function lengthOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += values[j]! * values[j]!;
  return Math.sqrt(sum);
}
