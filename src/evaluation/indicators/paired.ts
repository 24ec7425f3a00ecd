import { clopperPearson } from '../../statistics/clopper-pearson.ts';

/**
 * Lower confidence limit of the difference of two proportions on the same examples, P(first) − P(second):
 *   lower(b / n) − upper(c / n),  b examples with first only, c with second only,
 * each an exact limit at half the level, so that the limit holds for every n. It is conservative.
 *
 * @param first, second flags 0 or 1 of the same examples     @param confidence in (0, 1)     @returns a limit in [−1, 1]
 * @throws {AppError} TEMPER_STATS_EMPTY of no examples
 */
export function pairedLower(first: Uint8Array, second: Uint8Array, confidence: number): number {
  const n = first.length;
  const only = (a: Uint8Array, b: Uint8Array): number =>
    a.reduce((sum, flag, i) => sum + Number(flag === 1 && b[i] === 0), 0);
  return (
    clopperPearson(only(first, second), n, confidence).lower -
    clopperPearson(only(second, first), n, confidence).upper
  );
}
