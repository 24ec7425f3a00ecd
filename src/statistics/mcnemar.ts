import betaCdf from '@stdlib/stats-base-dists-beta-cdf';
import { AppError } from '../domain/errors.ts';
import { assertOpenUnit } from './checks.ts';

/**
 * Exact McNemar test, one-sided: are there more pairs that became worse than chance allows?
 *   p = P(X ≥ worse), X ~ Binomial(worse + better, ½)  =  I_½(worse, better + 1)
 * The beta form keeps tiny p-values exact, where 1 − cdf would give 0.
 *
 * @param worse, better discordant pairs, whole numbers ≥ 0     @returns p in (0, 1]; 1 when nothing became worse
 * @throws {AppError} TEMPER_STATS_RANGE     @see McNemar (1947), Psychometrika 12(2):153–157
 */
export function mcnemarWorse(worse: number, better: number): number {
  if (!isCount(worse) || !isCount(better))
    throw new AppError('TEMPER_STATS_RANGE', `expected counts ≥ 0, got worse ${worse}, better ${better}`);
  return worse === 0 ? 1 : betaCdf(0.5, worse, better + 1);
}

/**
 * Level of the k-th of an unlimited number of tests that share `level`:  level / (k (k + 1)),  Σ_k = level.
 * @param k from 1     @throws {AppError} TEMPER_STATS_RANGE
 */
export function sequentialLevel(level: number, k: number): number {
  assertOpenUnit(level, 'a level');
  if (!Number.isInteger(k) || k < 1)
    throw new AppError('TEMPER_STATS_RANGE', `expected the number of a test, from 1, got ${k}`);
  return level / (k * (k + 1));
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}
