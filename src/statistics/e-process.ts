import { assertOpenUnit, assertUnit } from './checks.ts';
import {
  addToMoments,
  NO_MOMENTS,
  predictableMean,
  predictableVariance,
  type PredictableMoments,
} from './predictable-moments.ts';

/** Largest share of the capital that may be bet away in one step. */
const TRUNCATION = 0.5;

/** Evidence against "the risk is at most r0 at every step". O(1) memory, JSON. */
export interface EProcessState {
  readonly moments: PredictableMoments;
  /** ln E_t. */
  readonly log: number;
  /** max_{s ≤ t} ln E_s, at least 0: the always-valid p-value is e^{−highest}. */
  readonly highest: number;
}

export const NO_EVIDENCE: EProcessState = { moments: NO_MOMENTS, log: 0, highest: 0 };

/**
 * Takes one observation in, betting by aGRAPA:
 *   λ_t = clip( (μ̂_{t−1} − r0) / (σ̂²_{t−1} + (μ̂_{t−1} − r0)²), 0, ½/r0 )      E_t = E_{t−1} · (1 + λ_t (x_t − r0))
 * E is a supermartingale starting at 1 whenever E[x_t | past] ≤ r0 at every t: no independence, no stationarity.
 * Reject when E ≥ 1/level: P(ever, under the null) ≤ level. Kept in logs. O(1).
 *
 * @param x in [0, 1]     @param limit r0, in (0, 1)     @throws {AppError} TEMPER_STATS_RANGE
 * @see Waudby-Smith & Ramdas (2024), section B.3; Ville (1939)
 */
export function stepEProcess(state: EProcessState, x: number, limit: number): EProcessState {
  assertUnit(x, 'an observation');
  assertOpenUnit(limit, 'the tested risk');
  const excess = predictableMean(state.moments) - limit;
  const bet = excess / (predictableVariance(state.moments) + excess ** 2);
  const clipped = Math.min(Math.max(bet, 0), TRUNCATION / limit);
  const log = state.log + Math.log1p(clipped * (x - limit));
  return { moments: addToMoments(state.moments, x), log, highest: Math.max(state.highest, log) };
}
