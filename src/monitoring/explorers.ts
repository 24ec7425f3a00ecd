import type { Interval } from '../domain/interval.ts';
import { NO_EVIDENCE, stepEProcess, type EProcessState } from '../statistics/e-process.ts';
import {
  bernsteinLower,
  NO_BERNSTEIN,
  stepBernstein,
  type EmpiricalBernsteinState,
} from '../statistics/empirical-bernstein.ts';
import { sequentialLevel } from '../statistics/mcnemar.ts';
import { NO_ONSET, stepOnset, type Mark, type OnsetState } from '../statistics/onset.ts';
import type { ObservationEntry, RecipeObservation } from './fold-log.ts';
import type { JudgeSettings } from './judge-settings.ts';

/** How many explorer recipes are followed at a time; the oldest makes room. */
const FOLLOWED = 100;
const EXAMPLES = 5;

/** A recipe that was never tried before, on an e-process of its own: by how much it beats the sentinels. JSON. */
export interface ExplorerState {
  readonly recipe: string;
  readonly recipeId: string;
  /** It is the k-th that was tried since the baseline. */
  readonly order: number;
  readonly folds: number;
  readonly lossSum: number;
  readonly lower: EmpiricalBernsteinState;
  readonly upper: EmpiricalBernsteinState;
  readonly excess: EProcessState;
  readonly onset: OnsetState;
  /** Somebody acknowledged its alarm: it is quiet until the next baseline. */
  readonly accepted: boolean;
  readonly examples: readonly string[];
}

export interface ExplorerBook {
  readonly explorers: readonly ExplorerState[];
  readonly tried: number;
}

/**
 * Takes an explorer's cluster in. What is tested is the paired difference of its loss and the sentinels' worst loss on the
 * same rows against `explorerExcess`, with its sign: another start finds here more and there less, and that is no news.
 * For a fair comparison the sentinels must have had equal gradient cost, and the rows must be fresh: none by which the
 * recipe was chosen. A cluster without the sentinels' loss moves the estimate only.
 */
export function foldExplorers(
  book: ExplorerBook,
  observation: ObservationEntry,
  { settings, at }: { readonly settings: JudgeSettings; readonly at: Mark },
): ExplorerBook {
  return observation.recipes.reduce((current, measured) => {
    const known = current.explorers.find(({ recipeId }) => recipeId === measured.recipeId);
    const before = known ?? startExplorer(measured, current.tried + 1);
    const after = stepExplorer(before, measured, { sentinelLoss: observation.sentinelLoss, settings, at });
    if (known !== undefined)
      return { ...current, explorers: current.explorers.map((each) => (each === known ? after : each)) };
    return { explorers: [...current.explorers, after].slice(-FOLLOWED), tried: current.tried + 1 };
  }, book);
}

/** ln(1 / level_k): the k-th recipe tried alarms when its log e-value reaches it. */
export function explorerLogThreshold({ order }: ExplorerState, { explorerLevel }: JudgeSettings): number {
  return -Math.log(sequentialLevel(explorerLevel, order));
}

export function explorerInterval(state: ExplorerState, confidence: number): Interval {
  const level = (1 - confidence) / 2;
  const value = state.folds === 0 ? 0.5 : state.lossSum / state.folds;
  const lower = Math.min(value, bernsteinLower(state.lower, level));
  const upper = Math.max(value, 1 - bernsteinLower(state.upper, level));
  return { value, lower, upper, n: state.folds, confidence };
}

/** A difference of losses, in [−1, 1], as an observation in [0, 1]. */
function toUnit(difference: number): number {
  return (1 + difference) / 2;
}

function startExplorer({ recipe, recipeId }: RecipeObservation, order: number): ExplorerState {
  return {
    recipe,
    recipeId,
    order,
    folds: 0,
    lossSum: 0,
    lower: NO_BERNSTEIN,
    upper: NO_BERNSTEIN,
    excess: NO_EVIDENCE,
    onset: NO_ONSET,
    accepted: false,
    examples: [],
  };
}

function stepExplorer(
  state: ExplorerState,
  { lossLower, lossUpper, example }: RecipeObservation,
  {
    sentinelLoss,
    settings,
    at,
  }: {
    readonly sentinelLoss: number | undefined;
    readonly settings: JudgeSettings;
    readonly at: Mark;
  },
): ExplorerState {
  const level = (1 - settings.confidence) / 2;
  const estimate = {
    ...state,
    folds: state.folds + 1,
    lossSum: state.lossSum + lossLower,
    lower: stepBernstein(state.lower, lossLower, level),
    upper: stepBernstein(state.upper, 1 - lossUpper, level),
    examples: example === undefined ? state.examples : [...state.examples, example].slice(-EXAMPLES),
  };
  if (sentinelLoss === undefined) return estimate;
  const excess = stepEProcess(
    state.excess,
    toUnit(lossLower - sentinelLoss),
    toUnit(settings.explorerExcess),
  );
  const gained = excess.log - state.excess.log;
  return { ...estimate, excess, onset: stepOnset(state.onset, gained, at) };
}
