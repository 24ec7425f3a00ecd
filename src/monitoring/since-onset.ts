import { capitalLower, startCapital, stepCapital, type CapitalState } from '../statistics/hedged-capital.ts';
import type { Mark } from '../statistics/onset.ts';

/**
 * How high a mean is since a change is thought to have begun, and not since the period began: over a long quiet time
 * before it the mean of the period says little about today. JSON.
 */
export interface SinceOnset {
  /** Number of the observation at which the change began; absent while there is none. */
  readonly from?: number;
  /** Betting on 1 − x; absent before the first observation. */
  readonly capital?: CapitalState;
}

export const NO_CHANGE: SinceOnset = {};

/** An acknowledged level may be as coarse as that: 0.01. */
const CELLS = 100;

/**
 * Takes one observation in; begins again where the onset moves.
 * @param x in [0, 1]     @param onset as estimated with this observation; absent: no change is seen
 */
export function stepSinceOnset(
  state: SinceOnset,
  x: number,
  { onset, level }: { readonly onset: Pick<Mark, 'index'> | undefined; readonly level: number },
): SinceOnset {
  if (onset === undefined) return NO_CHANGE;
  const known = state.from === onset.index ? state.capital : undefined;
  return { from: onset.index, capital: stepCapital(known ?? startCapital(CELLS), 1 - x, level) };
}

/** Takes one observation in while the alarm fires and its detector rests: the onset stands. */
export function watchSinceOnset(state: SinceOnset, x: number, level: number): SinceOnset {
  return stepSinceOnset(state, x, {
    onset: state.from === undefined ? undefined : { index: state.from },
    level,
  });
}

/** Forgets what was seen, but not since when: another version is another model. */
export function restartSinceOnset({ from }: SinceOnset): SinceOnset {
  return from === undefined ? NO_CHANGE : { from };
}

/** Upper confidence limit of the mean since the onset, in [0, 1]; 1 while nothing was seen. */
export function upperSinceOnset({ capital }: SinceOnset, level: number): number {
  return capital === undefined ? 1 : 1 - capitalLower(capital, level);
}
