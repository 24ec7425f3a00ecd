import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import { AppError } from '../domain/errors.ts';
import type { Interval } from '../domain/interval.ts';
import { assertOpenUnit } from './checks.ts';

/**
 * Exact (Clopper–Pearson) two-sided interval for a proportion.
 *   lower = B(α/2; k, n−k+1), 0 when k = 0      upper = B(1−α/2; k+1, n−k), 1 when k = n      α = 1 − confidence
 * B(p; a, b) is the quantile of the beta distribution. Coverage is at least `confidence` for every true proportion.
 *
 * @param successes k, an integer in 0..n     @param n trials, an integer ≥ 1     @param confidence in (0, 1)
 * @returns value k/n with its interval, in [0, 1]
 * @throws {AppError} TEMPER_STATS_EMPTY when n is 0 | TEMPER_STATS_RANGE when an argument is out of range
 * @see Clopper & Pearson (1934), Biometrika 26(4):404–413
 */
export function clopperPearson(successes: number, n: number, confidence: number): Interval {
  const tail = (1 - assertOpenUnit(confidence, 'a confidence')) / 2;
  assertCounts(successes, n);
  return {
    value: successes / n,
    lower: proportionLower(successes, n, tail),
    upper: proportionUpper(successes, n, tail),
    n,
    confidence,
  };
}

/**
 * Exact one-sided upper limit for a proportion:  P(limit < p) ≤ level.
 * @param level probability of being wrong, in (0, 1)     @returns limit in [0, 1]
 * @throws {AppError} TEMPER_STATS_EMPTY | TEMPER_STATS_RANGE
 */
export function proportionUpper(successes: number, n: number, level: number): number {
  assertCounts(successes, n);
  assertOpenUnit(level, 'a level');
  return successes === n ? 1 : betaQuantile(1 - level, successes + 1, n - successes);
}

/**
 * Exact one-sided lower limit for a proportion:  P(p < limit) ≤ level.
 * @param level probability of being wrong, in (0, 1)     @returns limit in [0, 1]
 * @throws {AppError} TEMPER_STATS_EMPTY | TEMPER_STATS_RANGE
 */
export function proportionLower(successes: number, n: number, level: number): number {
  assertCounts(successes, n);
  assertOpenUnit(level, 'a level');
  return successes === 0 ? 0 : betaQuantile(level, successes, n - successes + 1);
}

function assertCounts(successes: number, n: number): void {
  if (n === 0) throw new AppError('TEMPER_STATS_EMPTY', 'expected at least one trial, got 0');
  if (Number.isInteger(n) && n > 0 && Number.isInteger(successes) && successes >= 0 && successes <= n) return;
  throw new AppError(
    'TEMPER_STATS_RANGE',
    `expected whole numbers with 0 ≤ successes ≤ n, got successes ${successes} and n ${n}`,
  );
}
