import type { Interval } from '../domain/interval.ts';
import {
  bernsteinLower,
  NO_BERNSTEIN,
  stepBernstein,
  type EmpiricalBernsteinState,
} from '../statistics/empirical-bernstein.ts';
import { capitalLower, startCapital, stepCapital, type CapitalState } from '../statistics/hedged-capital.ts';
import { NO_ONSET, stepOnset, type Mark, type OnsetState } from '../statistics/onset.ts';
import {
  NO_STITCHED,
  stepStitched,
  stitchedLower,
  type StitchedState,
} from '../statistics/stitched-bernstein.ts';
import type { RecipeObservation } from './fold-log.ts';
import { NO_CHANGE, stepSinceOnset, type SinceOnset } from './since-onset.ts';

/** Bet at which the onset of a breach is estimated; moderate, so that small excesses count too. */
const ONSET_BET = 0.5;

/** One sentinel since the version or the baseline began. Upper bounds are lower bounds of 1 − x. JSON. */
export interface RiskState {
  readonly recipe: string;
  readonly recipeId: string;
  readonly folds: number;
  /** Σ lossLower, Σ binary and Σ share of rows with an outcome: point estimates leave the missing rows out. */
  readonly lossSum: number;
  readonly binarySum: number;
  readonly observedSum: number;
  readonly lower: CapitalState;
  readonly upper: CapitalState;
  /**
   * The lower side begun again when `risen` alarmed; absent before that. Bets that were lost over a long quiet time
   * would otherwise hide a breach for thousands of events. An alarm is a stopping time, so the bound from it on is valid.
   */
  readonly lowerSinceRise?: CapitalState;
  readonly binaryLower: EmpiricalBernsteinState;
  readonly binaryUpper: EmpiricalBernsteinState;
  readonly runningLower: StitchedState;
  readonly runningUpper: StitchedState;
  /** Where the loss began to exceed the absolute limit. */
  readonly overLimit: OnsetState;
  /** The loss since then: what an acknowledgement accepts. */
  readonly sinceOver: SinceOnset;
  /** The last few samples that were broken. */
  readonly examples: readonly string[];
}

export interface RiskStep {
  readonly confidence: number;
  /** Absolute limit on the mean loss. */
  readonly limit: number;
  readonly at: Mark;
}

const EXAMPLES = 5;

export function startRisk(recipe: string, recipeId: string): RiskState {
  return {
    recipe,
    recipeId,
    folds: 0,
    lossSum: 0,
    binarySum: 0,
    observedSum: 0,
    lower: startCapital(),
    upper: startCapital(),
    binaryLower: NO_BERNSTEIN,
    binaryUpper: NO_BERNSTEIN,
    runningLower: NO_STITCHED,
    runningUpper: NO_STITCHED,
    overLimit: NO_ONSET,
    sinceOver: NO_CHANGE,
    examples: [],
  };
}

/** Takes one cluster in: missing outcomes count 0 towards every lower bound and 1 towards every upper bound. */
export function stepRisk(
  state: RiskState,
  { lossLower, lossUpper, binary, example }: RecipeObservation,
  { confidence, limit, at }: RiskStep,
): RiskState {
  const missing = Math.max(0, lossUpper - lossLower);
  const level = (1 - confidence) / 2;
  const overLimit = stepOnset(state.overLimit, Math.log1p(ONSET_BET * (lossLower / limit - 1)), at);
  return {
    ...state,
    folds: state.folds + 1,
    lossSum: state.lossSum + lossLower,
    binarySum: state.binarySum + binary,
    observedSum: state.observedSum + 1 - missing,
    lower: stepCapital(state.lower, lossLower, level),
    upper: stepCapital(state.upper, 1 - lossUpper, level),
    ...(state.lowerSinceRise !== undefined && {
      lowerSinceRise: stepCapital(state.lowerSinceRise, lossLower, level),
    }),
    binaryLower: stepBernstein(state.binaryLower, binary, level),
    binaryUpper: stepBernstein(state.binaryUpper, Math.max(0, 1 - binary - missing), level),
    runningLower: stepStitched(state.runningLower, lossLower),
    runningUpper: stepStitched(state.runningUpper, 1 - lossUpper),
    overLimit,
    sinceOver: stepSinceOnset(state.sinceOver, lossLower, { onset: overLimit.mark, level }),
    examples: example === undefined ? state.examples : [...state.examples, example].slice(-EXAMPLES),
  };
}

/** How the intervals of several sentinels share one probability of error. */
export interface IntervalOptions {
  /** Probability with which the intervals of all sentinels hold together at all times. */
  readonly confidence: number;
  readonly sentinels: number;
}

/**
 * Mean loss since the period began, as a betting confidence sequence at (1 − confidence) / (2 · sentinels) on each side.
 * Its set is for a constant conditional mean. Where it is empty, or does not hold the mean seen, the risk has moved, and
 * the interval of the running mean, which may move, is given instead.
 */
export function riskInterval(state: RiskState, options: IntervalOptions): Interval {
  const level = levelOf(options);
  const value = pointEstimate(state.lossSum, state);
  const lower = capitalLower(state.lower, level);
  const upper = 1 - capitalLower(state.upper, level);
  if (value < lower || value > upper) return runningInterval(state, options);
  return { value, lower, upper, n: state.folds, confidence: options.confidence };
}

/** Running mean of the loss with bounds that hold even while the risk moves (stitched empirical Bernstein). */
export function runningInterval(state: RiskState, options: IntervalOptions): Interval {
  const level = levelOf(options);
  return {
    value: pointEstimate(state.lossSum, state),
    lower: stitchedLower(state.runningLower, level),
    upper: 1 - stitchedLower(state.runningUpper, level),
    n: state.folds,
    confidence: options.confidence,
  };
}

/** Share of inputs broken within epsilon (predictably-mixed empirical Bernstein). */
export function binaryInterval(state: RiskState, options: IntervalOptions): Interval {
  const level = levelOf(options);
  const value = pointEstimate(state.binarySum, state);
  return {
    value,
    lower: Math.min(value, bernsteinLower(state.binaryLower, level)),
    upper: Math.max(value, 1 - bernsteinLower(state.binaryUpper, level)),
    n: state.folds,
    confidence: options.confidence,
  };
}

/** Lower confidence limit that is compared with the absolute limit: since the period began or since the last rise. */
export function riskLower(state: RiskState, options: IntervalOptions): number {
  return Math.max(...breachCapitals(state).map((capital) => capitalLower(capital, levelOf(options))));
}

/** What may prove a breach. */
export function breachCapitals({ lower, lowerSinceRise }: RiskState): readonly CapitalState[] {
  return lowerSinceRise === undefined ? [lower] : [lower, lowerSinceRise];
}

/** `risen` has alarmed: the lower side begins again beside the one of the period. */
export function restartAtRise(state: RiskState): RiskState {
  return { ...state, lowerSinceRise: startCapital() };
}

function levelOf({ confidence, sentinels }: IntervalOptions): number {
  return (1 - confidence) / (2 * sentinels);
}

/** Mean over the rows that have an outcome; ½, the middle of ignorance, while there is none. */
function pointEstimate(sum: number, { observedSum }: RiskState): number {
  return observedSum === 0 ? 0.5 : Math.min(1, sum / observedSum);
}
