import type { Norm } from '../../domain/threat-model.ts';

type Values = Float32Array | Float64Array;

/** Length of a vector: max |v| (linf), √Σv² (l2), Σ|v| (l1), number of v ≠ 0 (l0). In double precision; O(features). */
export function lengthIn(norm: Norm, values: Values): number {
  return LENGTHS[norm](values);
}

/**
 * Length in the dual norm, by which the distance to a hyperplane is measured: the nearest point of w·δ = c in the norm
 * lies |c| / dual(w) away. Linf ↔ L1, L2 ↔ L2. L0 has no dual norm; that of L1 stands in, as for the nearest sparse change.
 */
export function dualLengthIn(norm: Norm, values: Values): number {
  return LENGTHS[DUALS[norm]](values);
}

const DUALS: Readonly<Record<Norm, Norm>> = { linf: 'l1', l2: 'l2', l1: 'linf', l0: 'linf' };

const LENGTHS: Readonly<Record<Norm, (values: Values) => number>> = {
  linf(values) {
    let most = 0;
    for (const value of values) most = Math.max(most, Math.abs(value));
    return most;
  },
  l2(values) {
    let sum = 0;
    for (const value of values) sum += value * value;
    return Math.sqrt(sum);
  },
  l1(values) {
    let sum = 0;
    for (const value of values) sum += Math.abs(value);
    return sum;
  },
  l0(values) {
    let others = 0;
    for (const value of values) others += Number(value !== 0);
    return others;
  },
};
