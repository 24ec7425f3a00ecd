import { assertOpenUnit, assertUnit } from './checks.ts';

/** Intrinsic time at which the boundary is tightest, in units of variance. */
const TUNED_AT = 10;
/** ln( ζ(1.4) / (ln 2)^1.4 ). */
const LOG_STITCHING = Math.log(3.1055472779775815 / Math.log(2) ** 1.4);
const K1 = (2 ** 0.25 + 2 ** -0.25) / Math.SQRT2;
const K2 = (Math.SQRT2 + 1) / 2;

/** Sums behind the stitched bound. O(1) memory, JSON. */
export interface StitchedState {
  readonly n: number;
  readonly sum: number;
  /** V_t = Σ (x_i − x̄_{i−1})², x̄_0 = ½. */
  readonly variance: number;
}

export const NO_STITCHED: StitchedState = { n: 0, sum: 0, variance: 0 };

/** Takes one observation in. O(1). @param x in [0, 1] @throws {AppError} TEMPER_STATS_RANGE */
export function stepStitched(state: StitchedState, x: number): StitchedState {
  assertUnit(x, 'an observation');
  const before = state.n === 0 ? 0.5 : state.sum / state.n;
  return { n: state.n + 1, sum: state.sum + x, variance: state.variance + (x - before) ** 2 };
}

/**
 * Time-uniform lower bound for the *running mean of changing conditional means*, (1/t) Σ E[x_i | past]:
 *   u = max(V_t, 10)      ℓ = 1.4 ln ln(2u/10) + ln( ζ(1.4)/(ln 2)^1.4 ) + ln(1/level)
 *   radius_t = ( sqrt(k1² u ℓ + k2² ℓ²) + k2 ℓ ) / t      k1 = (2^¼ + 2^−¼)/√2      k2 = (√2 + 1)/2
 * Needs no constancy: that is what a line on a dashboard shows. Wide below a few hundred observations. O(1).
 *
 * @param level probability of ever being wrong, in (0, 1)     @returns in [0, 1]; 0 before the first observation
 * @see Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49(2), theorems 1 and 4
 */
export function stitchedLower(state: StitchedState, level: number): number {
  if (state.n === 0) return 0;
  const u = Math.max(state.variance, TUNED_AT);
  const logs =
    1.4 * Math.log(Math.log((2 * u) / TUNED_AT)) +
    LOG_STITCHING +
    Math.log(1 / assertOpenUnit(level, 'a level'));
  const radius = (Math.sqrt(K1 ** 2 * u * logs + K2 ** 2 * logs ** 2) + K2 * logs) / state.n;
  return Math.max(0, state.sum / state.n - radius);
}
