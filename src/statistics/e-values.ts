import { AppError } from '../domain/errors.ts';
import { assertOpenUnit } from './checks.ts';
import { logSumExp } from './log-space.ts';

/**
 * Combines e-values under any dependence: their mean is an e-value.   ln ē = ln( (1/n) Σ e_i )
 * @param logs ln e_i, shape [n], n ≥ 1; −∞ stands for 0     @throws {AppError} TEMPER_STATS_EMPTY
 * @see Vovk & Wang (2021), Annals of Statistics 49(3)
 */
export function combineEValues(logs: readonly number[]): number {
  if (logs.length === 0) throw new AppError('TEMPER_STATS_EMPTY', 'expected at least one e-value, got none');
  return logSumExp(logs) - Math.log(logs.length);
}

/**
 * e-BH: which of K hypotheses to reject with false discovery rate ≤ level, under any dependence.
 *   k* = max{ k : e_(k) ≥ K / (level · k) },  e_(1) ≥ e_(2) ≥ …;  rejects the k* largest
 * On *running* e-detectors the same rule controls an error over patience, not this rate: say which.
 *
 * @param logs ln e_i, shape [K]     @returns indexes to reject, ascending; empty when none
 * @throws {AppError} TEMPER_STATS_RANGE     @see Wang & Ramdas (2022), JRSS-B 84(3):822–852. O(K log K)
 */
export function eBenjaminiHochberg(logs: readonly number[], level: number): number[] {
  assertOpenUnit(level, 'a level');
  const order = logs.map((_, i) => i).sort((a, b) => logs[b]! - logs[a]! || a - b);
  let rejected = 0;
  order.forEach((index, rank) => {
    if (logs[index]! >= Math.log(logs.length / (level * (rank + 1)))) rejected = rank + 1;
  });
  return order.slice(0, rejected).sort((a, b) => a - b);
}
