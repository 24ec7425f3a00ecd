import { assertOpenUnit, assertUnit } from './checks.ts';
import {
  addToMoments,
  NO_MOMENTS,
  predictableMean,
  predictableVariance,
  type PredictableMoments,
} from './predictable-moments.ts';

/** Largest bet; ½ is the paper's choice. */
const LARGEST_BET = 0.5;

/** Sums behind the predictably-mixed empirical Bernstein bound. O(1) memory, JSON. */
export interface EmpiricalBernsteinState {
  readonly moments: PredictableMoments;
  /** Σ λ_i. */
  readonly bets: number;
  /** Σ λ_i x_i. */
  readonly weighted: number;
  /** Σ v_i ψ(λ_i). */
  readonly penalty: number;
}

export const NO_BERNSTEIN: EmpiricalBernsteinState = {
  moments: NO_MOMENTS,
  bets: 0,
  weighted: 0,
  penalty: 0,
};

/**
 * Takes one observation in:
 *   λ_t = min( ½, sqrt( 2 ln(1/level) / (σ̂²_{t−1} · t · ln(1 + t)) ) )      v_t = (x_t − μ̂_{t−1})²      ψ(λ) = −ln(1−λ) − λ
 * O(1).
 * @param x in [0, 1]     @param level for which the bets are tuned, in (0, 1); the bound is valid at any other too
 * @throws {AppError} TEMPER_STATS_RANGE     @see Waudby-Smith & Ramdas (2024), theorem 2
 */
export function stepBernstein(
  state: EmpiricalBernsteinState,
  x: number,
  level: number,
): EmpiricalBernsteinState {
  assertUnit(x, 'an observation');
  assertOpenUnit(level, 'a level');
  const { moments } = state;
  const t = moments.n + 1;
  const tuned = Math.sqrt((2 * Math.log(1 / level)) / (predictableVariance(moments) * t * Math.log1p(t)));
  const bet = Math.min(LARGEST_BET, tuned);
  const deviation = (x - predictableMean(moments)) ** 2;
  return {
    moments: addToMoments(moments, x),
    bets: state.bets + bet,
    weighted: state.weighted + bet * x,
    penalty: state.penalty + deviation * (-Math.log1p(-bet) - bet),
  };
}

/**
 * Time-uniform lower bound for a constant conditional mean (under drift: for the λ-weighted one):
 *   LCB_t = ( Σ λ_i x_i − ln(1/level) − Σ v_i ψ(λ_i) ) / Σ λ_i,  at least 0      P(∃t: LCB_t > mean) ≤ level
 * An upper bound is 1 − the lower bound of 1 − x, exactly. O(1).
 * @returns in [0, 1]; 0 before the first observation
 */
export function bernsteinLower(state: EmpiricalBernsteinState, level: number): number {
  if (state.bets === 0) return 0;
  const slack = Math.log(1 / assertOpenUnit(level, 'a level')) + state.penalty;
  return Math.max(0, (state.weighted - slack) / state.bets);
}
