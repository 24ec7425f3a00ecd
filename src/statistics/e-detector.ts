import { AppError } from '../domain/errors.ts';
import { assertOpenUnit, assertPositive, assertUnit } from './checks.ts';
import { logAddExp, logSumExp } from './log-space.ts';
import { NO_ONSET, stepOnset, type Mark, type OnsetState } from './onset.ts';

/** One bet of the mixture. */
export interface EDetectorComponent {
  /** λ in (0, 1). */
  readonly bet: number;
  /** ln M; absent while M is 0, before the first observation (JSON has no −∞). */
  readonly log?: number;
  readonly onset: OnsetState;
}

/** Shiryaev–Roberts e-detector, a uniform mixture over bets. JSON. */
export interface EDetectorState {
  readonly components: readonly EDetectorComponent[];
}

export interface EDetectorStep {
  /** Observation in [0, 1]. */
  readonly x: number;
  /** r0 in (0, 1]: the null says E[x | past] ≤ r0 at every step. */
  readonly limit: number;
  /** Days that passed since the last observation, > 0: what may be staked anew. */
  readonly stakeDays: number;
  readonly at: Mark;
}

/** @param bets λ, each in (0, 1), at least one @throws {AppError} TEMPER_STATS_EMPTY | TEMPER_STATS_RANGE */
export function startEDetector(bets: readonly number[]): EDetectorState {
  if (bets.length === 0) throw new AppError('TEMPER_STATS_EMPTY', 'expected at least one bet, got none');
  return { components: bets.map((bet) => ({ bet: assertOpenUnit(bet, 'a bet'), onset: NO_ONSET })) };
}

/**
 * Takes one observation in:   M_k ← (M_k + Δt) · b_k      b_k = 1 + λ_k (x/r0 − 1)      detector = mean_k M_k
 * Under the null E[b | past] ≤ 1, so (detector − elapsed days) is a supermartingale, and with the alarm at
 * detector ≥ D the expected time to the first alarm is at least D days, whatever the rate of observations does.
 * Several detectors with weights w_i, Σ w_i = 1, that alarm at M_i ≥ D / w_i keep that together. b_k ≥ 1 − λ_k > 0;
 * kept in logs. O(bets).
 *
 * @throws {AppError} TEMPER_STATS_RANGE
 * @see Shin, Ramdas & Rinaldo (2024), E-detectors: a nonparametric framework for sequential change detection, NEJSDS 2(2)
 */
export function stepEDetector(
  state: EDetectorState,
  { x, limit, stakeDays, at }: EDetectorStep,
): EDetectorState {
  assertUnit(x, 'an observation');
  assertUnit(limit, 'the tested risk');
  const logStake = Math.log(assertPositive(stakeDays, 'the days passed'));
  const ratio = x / assertPositive(limit, 'the tested risk') - 1;
  const components = state.components.map(({ bet, log, onset }) => {
    const logFactor = Math.log1p(bet * ratio);
    const held = log === undefined ? logStake : logAddExp(log, logStake);
    return { bet, log: held + logFactor, onset: stepOnset(onset, logFactor, at) };
  });
  return { components };
}

/** ln of the detector, comparable with ln(D / w); −∞ before the first observation. */
export function eDetectorLog({ components }: EDetectorState): number {
  return logSumExp(components.map(({ log }) => log ?? -Infinity)) - Math.log(components.length);
}

/** Estimated onset by the bet that holds most of the detector; absent when that one sees no change. */
export function eDetectorOnset({ components }: EDetectorState): Mark | undefined {
  const [first, ...others] = components;
  const strongest = others.reduce(
    (best, next) => ((next.log ?? -Infinity) > (best?.log ?? -Infinity) ? next : best),
    first,
  );
  return strongest?.onset.mark;
}
