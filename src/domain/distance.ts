import { rulesOf, type Rules } from './constraints.ts';
import type { Norm, ThreatModel } from './threat-model.ts';

/** One row of a matrix [·, features]. */
export interface MatrixRow {
  readonly values: Float32Array;
  readonly row: number;
}

/**
 * Distance between two rows of `features` values: max |δ| (linf), √Σδ² (l2), Σ|δ| (l1), number of δ ≠ 0 (l0).
 * Sums run in double precision over the float32 values as stored, so that "inside the ball" is judged after rounding.
 * NaN when a value is NaN. O(features).
 */
export function distanceBetween(norm: Norm, a: MatrixRow, b: MatrixRow, features: number): number {
  const from = { a: a.row * features, b: b.row * features };
  return DISTANCES[norm](
    a.values.subarray(from.a, from.a + features),
    b.values.subarray(from.b, from.b + features),
  );
}

/**
 * The distance of a threat model: `distanceBetween`, or with rules the same of (b − a) / scale, feature by feature. In L0
 * scales make no difference.
 */
export function createMeasure(
  norm: Norm,
  { features, scales }: Pick<Rules, 'features'> & Partial<Pick<Rules, 'scales'>>,
): (a: MatrixRow, b: MatrixRow) => number {
  if (norm === 'l0' || scales === undefined || scales.every((scale) => scale === 1))
    return (a, b) => distanceBetween(norm, a, b, features);
  const add = SCALED[norm];
  return (a, b) => {
    let sum = 0;
    for (let j = 0; j < features; j++) {
      const delta = b.values[b.row * features + j]! - a.values[a.row * features + j]!;
      sum = add(sum, Math.abs(delta) / scales[j]!);
    }
    return norm === 'l2' ? Math.sqrt(sum) : sum;
  };
}

/** The distance in which a threat model's epsilon is. */
export function measureOf(
  { norm, range, constraints }: Pick<ThreatModel, 'norm' | 'range' | 'constraints'>,
  features: number,
): (a: MatrixRow, b: MatrixRow) => number {
  return createMeasure(
    norm,
    constraints === undefined ? { features } : rulesOf(constraints, { features, range }),
  );
}

const SCALED: Readonly<Record<Exclude<Norm, 'l0'>, (sum: number, size: number) => number>> = {
  linf: (most, size) => Math.max(most, size),
  l2: (sum, size) => sum + size * size,
  l1: (sum, size) => sum + size,
};

type Distance = (a: Float32Array, b: Float32Array) => number;

/** One plain loop each: attacks measure distances at every step. */
const DISTANCES: Readonly<Record<Norm, Distance>> = {
  linf(a, b) {
    let most = 0;
    for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(b[i]! - a[i]!));
    return most;
  },
  l2(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (b[i]! - a[i]!) ** 2;
    return Math.sqrt(sum);
  },
  l1(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += Math.abs(b[i]! - a[i]!);
    return sum;
  },
  l0(a, b) {
    let changed = 0;
    for (let i = 0; i < a.length; i++) {
      const delta = b[i]! - a[i]!;
      changed += Number.isNaN(delta) ? NaN : Number(delta !== 0);
    }
    return changed;
  },
};
