import type { Norm } from './threat-model.ts';

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
  const accumulate = ACCUMULATE[norm];
  let total = 0;
  const fromA = a.row * features;
  const fromB = b.row * features;
  for (let i = 0; i < features; i++) total = accumulate(total, b.values[fromB + i]! - a.values[fromA + i]!);
  return norm === 'l2' ? Math.sqrt(total) : total;
}

const ACCUMULATE: Readonly<Record<Norm, (total: number, delta: number) => number>> = {
  linf: (total, delta) => Math.max(total, Math.abs(delta)),
  l2: (total, delta) => total + delta * delta,
  l1: (total, delta) => total + Math.abs(delta),
  l0: (total, delta) => total + (delta === 0 ? 0 : Number.isNaN(delta) ? NaN : 1),
};
