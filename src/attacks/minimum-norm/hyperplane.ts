import type { Norm } from '../../domain/threat-model.ts';
import { float32Range } from '../norms/clamp.ts';

/** A point, and the hyperplane {x + δ : w·δ = rise} that it is to be moved onto. */
export interface HyperplaneTask {
  readonly point: Float32Array;
  /** w. Features where it is 0 stay. */
  readonly normal: Float32Array;
  readonly rise: number;
}

/**
 * The shortest move onto a hyperplane inside the range:  min ‖δ‖  s.t.  w·δ = rise,  low ≤ x + δ ≤ high.
 * Every feature moves the way that helps, by s_j between 0 and the room r_j that the range leaves:
 *
 *   linf  s_j = min(t, r_j)            l2  s_j = min(t·|w_j|, r_j)        with t such that Σ|w_j| s_j = |rise|
 *   l1    the steepest features first, each as far as it goes
 *
 * Where the range lets no point reach the hyperplane, every feature goes as far as it can. In double precision.
 *
 * @param features length of points and normals
 * @returns a function that writes δ into `into`, shape [features]; buffers are shared between calls
 * @see Croce & Hein (2020), ICML, arXiv 1907.02044
 */
export function createHyperplaneProjection(
  norm: HyperplaneNorm,
  { features, range }: { features: number; range: readonly [number, number] },
): (into: Float64Array, task: HyperplaneTask) => void {
  const [low, high] = float32Range(range);
  const slopes = new Float64Array(features);
  const rooms = new Float64Array(features);
  const signs = new Int8Array(features);
  const fill = FILLS[norm];
  return (into, { point, normal, rise }) => {
    const direction = Math.sign(rise);
    for (let j = 0; j < features; j++) {
      signs[j] = direction * Math.sign(normal[j]!);
      slopes[j] = Math.abs(normal[j]!);
      rooms[j] = signs[j]! > 0 ? high - point[j]! : point[j]! - low;
    }
    fill(into, { slopes, rooms, needed: Math.abs(rise) });
    for (let j = 0; j < features; j++) into[j] = signs[j] === 0 ? 0 : signs[j]! * into[j]!;
  };
}

/** Norms in which the nearest point of a hyperplane can be had exactly. */
export type HyperplaneNorm = Exclude<Norm, 'l0'>;

interface Slopes {
  /** Gain per unit of move, ≥ 0. */
  readonly slopes: Float64Array;
  /** Longest move, ≥ 0. */
  readonly rooms: Float64Array;
  /** Σ slope·size that is wanted, ≥ 0. */
  readonly needed: number;
}

type Fill = (sizes: Float64Array, slopes: Slopes) => void;

const FILLS: Readonly<Record<HyperplaneNorm, Fill>> = {
  linf(sizes, given) {
    const level = waterLevel(given, sizes.fill(1));
    for (let j = 0; j < sizes.length; j++) sizes[j] = Math.min(level, given.rooms[j]!);
  },
  l2(sizes, given) {
    const level = waterLevel(given, given.slopes);
    for (let j = 0; j < sizes.length; j++) sizes[j] = Math.min(level * given.slopes[j]!, given.rooms[j]!);
  },
  l1: fillSteepest,
};

/**
 * The t at which  Σ slope_j · min(t·speed_j, room_j) = needed; Infinity where that is not reached. The sum is concave and
 * made of straight pieces, so Newton's steps from 0 come from below and end exactly; each but the last fills a feature.
 */
function waterLevel({ slopes, rooms, needed }: Slopes, speeds: Float64Array): number {
  let level = 0;
  for (;;) {
    let filled = 0;
    let rate = 0;
    for (let j = 0; j < slopes.length; j++) {
      if (level * speeds[j]! >= rooms[j]!) filled += slopes[j]! * rooms[j]!;
      else rate += slopes[j]! * speeds[j]!;
    }
    if (rate === 0) return Infinity;
    const next = (needed - filled) / rate;
    if (!(next > level)) return level;
    level = next;
  }
}

/** Steepest first; of equal slopes the first. The slope at which the need is met is found by halving over the sorted slopes. */
function fillSteepest(sizes: Float64Array, { slopes, rooms, needed }: Slopes): void {
  const sorted = slopes.slice().sort();
  const gain = (isSteep: (slope: number) => boolean): number => {
    let sum = 0;
    for (let j = 0; j < slopes.length; j++) if (isSteep(slopes[j]!)) sum += slopes[j]! * rooms[j]!;
    return sum;
  };
  let low = 0;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (gain((slope) => slope >= sorted[middle]!) >= needed) low = middle;
    else high = middle;
  }
  const last = sorted[low] ?? 0;
  let left = needed - gain((slope) => slope > last);
  for (let j = 0; j < slopes.length; j++) {
    const slope = slopes[j]!;
    sizes[j] = slope > last ? rooms[j]! : 0;
    if (slope !== last || slope === 0 || left <= 0) continue;
    sizes[j] = Math.min(left / slope, rooms[j]!);
    left -= slope * sizes[j]!;
  }
}
