import { distanceBetween } from '../../domain/distance.ts';
import type { Rng } from '../../domain/rng.ts';
import type { Ball, BallOptions } from './ball.ts';

/** Relative shrinkings tried in turn until the rounded point lies inside; then the original itself is taken. */
const SHRINK = [0, 1e-7, 1e-6, 1e-5, 1e-3, 1e-1];

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
        for (let j = 0; j < features; j++) row[j]! /= length;
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
  const { originals, features, epsilon, range } = options;
  const original = originals.subarray(example * features, (example + 1) * features);
  const distanceOf = (): number =>
    distanceBetween('l2', { values: original, row: 0 }, { values: point, row: 0 }, features);
  const distance = distanceOf();
  if (!(distance > epsilon)) {
    clip(point, range);
    return;
  }
  const outside = point.slice();
  for (const shrink of SHRINK) {
    const scale = (epsilon * (1 - shrink)) / distance;
    for (let j = 0; j < features; j++) point[j] = original[j]! + scale * (outside[j]! - original[j]!);
    clip(point, range);
    if (distanceOf() <= epsilon) return;
  }
  point.set(original);
}

function clip(point: Float32Array, [low, high]: readonly [number, number]): void {
  for (let j = 0; j < point.length; j++) {
    const x = point[j]!;
    point[j] = x < low ? low : x > high ? high : x;
  }
}

function normalDraws(count: number, rng: Rng): Float64Array {
  return Float64Array.from({ length: count }, () => rng.normal());
}

function lengthOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
