import { assertOpenUnit, assertUnit } from './checks.ts';
import {
  addToMoments,
  NO_MOMENTS,
  predictableVariance,
  type PredictableMoments,
} from './predictable-moments.ts';

/** Largest share of the capital that may be bet away in one step; ½ is the paper's choice. */
const TRUNCATION = 0.5;

/** Read once: a thousand calls per observation make the look-up of a global count. */
const { log1p } = Math;

/**
 * One side of a betting confidence sequence: the wealth of a gambler who bets, for every candidate mean m of a grid,
 * that the mean is above m. JSON: numbers only.
 */
export interface CapitalState {
  readonly moments: PredictableMoments;
  /** ln K(m_j) for m_j = j / (length − 1). Non-increasing in j. */
  readonly logCapital: readonly number[];
}

/** @param cells cells of the grid on [0, 1]; the bound is widened by one cell, so 1000 costs at most 0.001 */
export function startCapital(cells = 1000): CapitalState {
  return { moments: NO_MOMENTS, logCapital: new Array<number>(cells + 1).fill(0) };
}

/**
 * Takes one observation in:
 *   K_t(m) = K_{t−1}(m) · (1 + λ_t(m)·(x_t − m))      λ_t(m) = min(λ̇_t, c/m)
 *   λ̇_t = sqrt( 2 ln(1/level) / (σ̂²_{t−1} · t · ln(1 + t)) )      c = ½
 * K(m) is a test supermartingale whenever E[x_t | past] ≤ m at every t. Each factor falls in m (on both sides of the
 * truncation, and is continuous there), so K(m) does too. Kept in logs. O(cells).
 *
 * @param x in [0, 1]     @param level for which the bets are tuned, in (0, 1); the bound is valid at any other too
 * @throws {AppError} TEMPER_STATS_RANGE
 * @see Waudby-Smith & Ramdas (2024), theorem 3
 */
export function stepCapital(state: CapitalState, x: number, level: number): CapitalState {
  assertUnit(x, 'an observation');
  assertOpenUnit(level, 'a level');
  const t = state.moments.n + 1;
  const bet = Math.sqrt((2 * Math.log(1 / level)) / (predictableVariance(state.moments) * t * log1p(t)));
  const logCapital = state.logCapital.slice();
  const cells = logCapital.length - 1;
  for (let j = 0; j <= cells; j++) logCapital[j]! += log1p(capitalStep(bet, x, j / cells));
  return { moments: addToMoments(state.moments, x), logCapital };
}

/**
 * Time-uniform lower bound: the largest grid value m, less one cell, with K(m') ≥ 1/level for every grid m' below.
 *   P(∃t: the bound exceeds every conditional mean up to t) ≤ level
 * For a constant conditional mean that is a lower confidence limit, valid at every t at once. An upper limit is
 * 1 − (the lower limit of 1 − x), exactly, because moments and bets are mirror images. O(log cells).
 *
 * @param level probability of ever being wrong, in (0, 1)     @returns in [0, 1]; 0 before the first observation
 */
export function capitalLower(state: CapitalState, level: number): number {
  const needed = Math.log(1 / assertOpenUnit(level, 'a level'));
  const kept = firstIndex(state.logCapital.length, (j) => state.logCapital[j]! < needed);
  return Math.max(0, kept - 1) / (state.logCapital.length - 1);
}

/**
 * Fixed-sample lower bound for the mean of observations in [0, 1], at a sample size chosen beforehand:
 *   K_t(m) as in {@link stepCapital} with λ̇_t = sqrt( 2 ln(1/level) / (n σ̂²_{t−1}) );   bound = sup{ m : max_t K_t(m) ≥ 1/level }
 * found by bisection, since K falls in m. P(bound > mean) ≤ level when the conditional means are constant (or their
 * largest is meant). Depends on the order, which has to be fixed without looking; where the mean may depend on it (data
 * sorted by anything), shuffle first. O(n · 50).
 *
 * @param observations shape [n], each in [0, 1]; an empty sample gives 0     @param level in (0, 1)
 * @returns in [0, 1]     @throws {AppError} TEMPER_STATS_RANGE
 * @see Waudby-Smith & Ramdas (2024), section 4.4 and appendix
 */
export function fixedSampleLower(observations: readonly number[], level: number): number {
  const needed = Math.log(1 / assertOpenUnit(level, 'a level'));
  const bets = fixedSampleBets(observations, needed);
  const rejects = (m: number): boolean => highestLogCapital(observations, bets, m) >= needed;
  if (!rejects(0)) return 0;
  let inside = 0;
  let outside = 1;
  for (let step = 0; step < 50; step++) {
    const middle = (inside + outside) / 2;
    if (rejects(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}

/** Upper bound by reflection: 1 − the lower bound of 1 − x. See {@link fixedSampleLower}. */
export function fixedSampleUpper(observations: readonly number[], level: number): number {
  return (
    1 -
    fixedSampleLower(
      observations.map((x) => 1 - x),
      level,
    )
  );
}

function fixedSampleBets(observations: readonly number[], logInverseLevel: number): number[] {
  let moments = NO_MOMENTS;
  return observations.map((x) => {
    const bet = Math.sqrt((2 * logInverseLevel) / (observations.length * predictableVariance(moments)));
    moments = addToMoments(moments, assertUnit(x, 'an observation'));
    return bet;
  });
}

function highestLogCapital(observations: readonly number[], bets: readonly number[], m: number): number {
  let log = 0;
  let highest = 0;
  observations.forEach((x, i) => {
    log += log1p(capitalStep(bets[i]!, x, m));
    if (log > highest) highest = log;
  });
  return highest;
}

/** λ(m)·(x − m) with λ(m) = min(bet, c/m): at least −c, so the capital never reaches 0. */
function capitalStep(bet: number, x: number, m: number): number {
  return (bet * m > TRUNCATION ? TRUNCATION / m : bet) * (x - m);
}

/** Smallest index at which a monotone predicate (false … true) holds; `length` when it never does. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
