import type { Rng } from '../../domain/rng.ts';
import type { Ball, BallOptions } from './ball.ts';
import { float32Range } from './clamp.ts';

/**
 * How much less than ε is aimed at, in turn, until the point rounded to float32 lies inside; then the original itself is
 * taken. The first is more than rounding usually adds.
 */
const SHRINK = [1e-7, 1e-6, 1e-5, 1e-3, 1e-1];

/** As a share of ε², more than the order of a sum in double precision can change: what is surely inside needs no second look. */
const SURELY_BELOW = 1e-12;

/** √Σ(x − x₀)² ≤ ε. A point outside is pulled back along the line to the original; then the range is cut. */
export function createL2Ball(options: BallOptions): Ball {
  const { originals, features, epsilon } = options;
  const projectRow = createRowProjection(options);
  const draw = (point: Float32Array, example: number, scaled: readonly [Float64Array, number]): void => {
    const [noise, radius] = scaled;
    const scale = radius / (lengthOf(noise) + 1e-12);
    for (let j = 0; j < features; j++) point[j] = originals[example * features + j]! + scale * noise[j]!;
  };
  return {
    norm: 'l2',
    epsilon,
    project({ values, rows, count }) {
      for (let i = 0; i < count; i++) projectRow(values, i * features, rows[i]! * features);
    },
    normalise(gradients, count) {
      for (let i = 0; i < count; i++) {
        const scale = scaleToOne(gradients, i * features, features);
        for (let j = i * features; j < (i + 1) * features; j++) gradients[j]! *= scale;
      }
    },
    climb({ values, rows, count }, { directions, sizes }) {
      for (let i = 0; i < count; i++) {
        const from = i * features;
        const size = sizes[i]!;
        const scale = scaleToOne(directions, from, features);
        // In float32 as between two passes.
        for (let j = from; j < from + features; j++) values[j]! += size * Math.fround(scale * directions[j]!);
        projectRow(values, from, rows[i]! * features);
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

/**
 * Projects the row of `values` that begins at `from` into the ball around the original that begins at `at`. A pulled point
 * is cut to the range at once: that moves it towards the original, which is in the range, so it stays inside.
 */
function createRowProjection({
  originals,
  features,
  epsilon,
  range,
}: BallOptions): (values: Float32Array, from: number, at: number) => void {
  const most = epsilon * epsilon * (1 - SURELY_BELOW);
  const [low, high] = float32Range(range);
  const whole = features - (features % 4);
  /** Four sums, since one waits for each addition. */
  const squaresOf = (values: Float32Array, from: number, at: number): number => {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let j = 0; j < whole; j += 4) {
      const first = values[from + j]! - originals[at + j]!;
      const second = values[from + j + 1]! - originals[at + j + 1]!;
      const third = values[from + j + 2]! - originals[at + j + 2]!;
      const fourth = values[from + j + 3]! - originals[at + j + 3]!;
      a += first * first;
      b += second * second;
      c += third * third;
      d += fourth * fourth;
    }
    for (let j = whole; j < features; j++) a += (values[from + j]! - originals[at + j]!) ** 2;
    return a + b + c + d;
  };
  return (values, from, at) => {
    let squares = squaresOf(values, from, at);
    for (const shrink of SHRINK) {
      if (squares <= most) break;
      const scale = (epsilon * (1 - shrink)) / Math.sqrt(squares);
      for (let j = 0; j < features; j++) {
        const x = originals[at + j]!;
        values[from + j] = x + scale * (values[from + j]! - x);
      }
      squares = squaresOf(values, from, at);
    }
    if (squares > most) values.set(originals.subarray(at, at + features), from);
    for (let j = from; j < from + features; j++) {
      const x = values[j]!;
      const isBelow = Number(x < low);
      const isAbove = Number(x > high);
      values[j] = x * (1 - isBelow - isAbove) + low * isBelow + high * isAbove;
    }
  };
}

function normalDraws(count: number, rng: Rng): Float64Array {
  return Float64Array.from({ length: count }, () => rng.normal());
}

/** What brings the row that begins at `from` to length 1; 1 for zeros. */
function scaleToOne(values: Float32Array, from: number, features: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = features - (features % 4);
  for (let j = from; j < from + whole; j += 4) {
    a += values[j]! * values[j]!;
    b += values[j + 1]! * values[j + 1]!;
    c += values[j + 2]! * values[j + 2]!;
    d += values[j + 3]! * values[j + 3]!;
  }
  for (let j = from + whole; j < from + features; j++) a += values[j]! * values[j]!;
  const squares = a + b + c + d;
  return squares === 0 ? 1 : 1 / Math.sqrt(squares);
}

function lengthOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += values[j]! * values[j]!;
  return Math.sqrt(sum);
}
