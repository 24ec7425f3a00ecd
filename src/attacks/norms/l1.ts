import type { Rng } from '../../domain/rng.ts';
import type { Ball, BallOptions } from './ball.ts';
import { float32Range } from './clamp.ts';
import { kthLargest } from './select.ts';

/**
 * How much less than ε is aimed at, in turn, until the point rounded to float32 lies inside; then the original itself is
 * taken. The first is more than rounding usually adds.
 */
const SHRINK = [1e-7, 1e-6, 1e-5, 1e-3, 1e-1];

/** Share of the features that a step moves: the quantile of the sparse L1 descent of Tramèr & Boneh. */
const STEP_SHARE = 0.01;

/**
 * Σ|x − x₀| ≤ ε. Projection is onto the ball cut with the range, the nearest point of both at once: projecting onto one
 * after the other ends elsewhere, since what the range cuts off is not spent.
 * Directions put equal amounts on the hundredth of the features with the largest gradients: the exact steepest direction,
 * all on one feature, is spent as soon as that feature reaches the end of its range.
 *
 * @see Croce & Hein (2021), ICML, arXiv 2103.01208; Tramèr & Boneh (2019), NeurIPS, arXiv 1904.13000
 */
export function createL1Ball(options: BallOptions): Ball {
  const { originals, features, epsilon } = options;
  const projectRow = createRowProjection(options);
  const scratch = new Float64Array(features);
  const moved = Math.max(1, Math.round(STEP_SHARE * features));
  const draw = (point: Float32Array, example: number, noise: Float64Array): void => {
    for (let j = 0; j < features; j++) point[j] = originals[example * features + j]! + noise[j]!;
  };
  return {
    norm: 'l1',
    epsilon,
    project({ values, rows, count }) {
      for (let i = 0; i < count; i++) projectRow(values.subarray(i * features, (i + 1) * features), rows[i]!);
    },
    normalise(gradients, count) {
      for (let i = 0; i < count; i++)
        keepSigns(gradients.subarray(i * features, (i + 1) * features), moved, scratch);
    },
    drawInside(point, example, rng) {
      // One more exponential than features, left out: the rest is uniform in the solid ball, not on its surface.
      draw(point, example, laplaceDraws(features, { rng, length: epsilon, spare: exponential(rng) }));
    },
    drawSurface(point, example, rng) {
      draw(point, example, laplaceDraws(features, { rng, length: epsilon, spare: 0 }));
    },
  };
}

/**
 * The `kept` components of largest size become ±1/kept (fewer if fewer are not 0), the others 0. Of equals the first are
 * kept. The sum of sizes is 1; a zero row stays 0.
 */
export function keepSigns(row: Float32Array, kept: number, scratch: Float64Array): void {
  let others = 0;
  for (let j = 0; j < row.length; j++) {
    scratch[j] = Math.abs(row[j]!);
    if (scratch[j]! > 0) others++;
  }
  const wanted = Math.min(kept, others);
  if (wanted === 0) return;
  const least = kthLargest(scratch, wanted);
  let ties = wanted;
  for (const value of row) if (Math.abs(value) > least) ties--;
  for (let j = 0; j < row.length; j++) {
    const size = Math.abs(row[j]!);
    const isKept = size > least || (size === least && ties-- > 0);
    row[j] = isKept ? Math.sign(row[j]!) / wanted : 0;
  }
}

/** Projects one point [features] in place; buffers are made once. After the first pass only features that moved are looked at. */
function createRowProjection(options: BallOptions): (point: Float32Array, example: number) => void {
  const { originals, features, epsilon } = options;
  const range = float32Range(options.range);
  const moves: Moves = {
    count: 0,
    indexes: new Uint32Array(features),
    signs: new Int8Array(features),
    sizes: new Float64Array(features),
    rooms: new Float64Array(features),
  };
  return (point, example) => {
    const original = originals.subarray(example * features, (example + 1) * features);
    measureMoves(moves, { point, original, range });
    const place = { point, original, range };
    if (makeMoves(moves, 0, place) <= epsilon) return;
    for (const shrink of SHRINK)
      if (makeMoves(moves, taxFor(moves, epsilon * (1 - shrink)), place) <= epsilon) return;
    point.set(original);
  };
}

/** The features that a point moves; the first `count` entries are valid. */
interface Moves {
  count: number;
  readonly indexes: Uint32Array;
  /** Where each wants to go from the original, how far, and how far the range lets it. */
  readonly signs: Int8Array;
  readonly sizes: Float64Array;
  readonly rooms: Float64Array;
}

interface Place {
  readonly point: Float32Array;
  readonly original: Float32Array;
  readonly range: readonly [number, number];
}

function measureMoves(moves: Moves, { point, original, range: [low, high] }: Place): void {
  const { indexes, signs, sizes, rooms } = moves;
  let count = 0;
  for (let j = 0; j < point.length; j++) {
    const x = original[j]!;
    const move = point[j]! - x;
    indexes[count] = j;
    signs[count] = Math.sign(move);
    sizes[count] = Math.abs(move);
    rooms[count] = move > 0 ? high - x : x - low;
    count += Number(move !== 0);
  }
  moves.count = count;
}

/** Writes the moves less a tax into the point. @returns its distance from the original as rounded to float32 */
function makeMoves(
  { count, indexes, signs, sizes, rooms }: Moves,
  tax: number,
  { point, original, range: [low, high] }: Place,
): number {
  let distance = 0;
  for (let k = 0; k < count; k++) {
    const j = indexes[k]!;
    const x = original[j]!;
    const moved = Math.fround(x + signs[k]! * taxed(sizes[k]!, rooms[k]!, tax));
    const inside = Math.min(Math.max(moved, low), high);
    point[j] = inside;
    distance += Math.abs(inside - x);
  }
  return distance;
}

/** The projection of one feature: its wish less the tax, at least 0, at most the room it has. */
function taxed(size: number, room: number, tax: number): number {
  return Math.min(Math.max(size - tax, 0), room);
}

/**
 * The tax λ at which  Σ_j min(max(size_j − λ, 0), room_j) = budget,  the multiplier of the ball in the projection. The
 * sum falls with λ in straight pieces, so Newton's step is exact once it is on the right piece; a step out of the bracket,
 * and every fourth, halves the bracket instead. About ten passes over the features, against a sort of all break points.
 *
 * @param budget ≥ 0 and less than the sum at λ = 0
 */
function taxFor({ count, sizes, rooms }: Moves, budget: number): number {
  let low = 0;
  let high = 0;
  for (let j = 0; j < count; j++) high = Math.max(high, sizes[j]!);
  let tax = 0;
  for (let pass = 1; pass <= 200; pass++) {
    let sum = 0;
    let movable = 0;
    for (let j = 0; j < count; j++) {
      const left = sizes[j]! - tax;
      if (left <= 0) continue;
      if (left < rooms[j]!) movable++;
      sum += Math.min(left, rooms[j]!);
    }
    const excess = sum - budget;
    if (Math.abs(excess) <= 1e-14 * budget) break;
    if (excess > 0) low = tax;
    else high = tax;
    let next = pass % 4 === 0 ? NaN : tax + excess / movable;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (next === low || next === high) return high;
    tax = next;
  }
  return tax;
}

function laplaceDraws(
  count: number,
  { rng, length, spare }: { rng: Rng; length: number; spare: number },
): Float64Array {
  const noise = Float64Array.from({ length: count }, () => exponential(rng) * (rng.uniform() < 0.5 ? -1 : 1));
  const total = noise.reduce((sum, x) => sum + Math.abs(x), spare);
  return noise.map((x) => (length * x) / total);
}

function exponential(rng: Rng): number {
  return -Math.log(1 - rng.uniform());
}
