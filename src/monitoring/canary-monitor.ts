import { mcnemarWorse, sequentialLevel } from '../statistics/mcnemar.ts';
import type { CanariesEntry } from './fold-log.ts';

/** What is known from canaries since the baseline. JSON. */
export interface CanaryState {
  /** Tests spent. */
  readonly tests: number;
  /** What the last test was about: the same again is no evidence, because canaries are deterministic. */
  readonly tested?: { readonly version: string; readonly worse: number; readonly better: number };
  /** Natural log of the last p-value and of the level it was held against. */
  readonly lastLogP?: number;
  readonly lastLogLevel?: number;
  /** Number of the entry of the last round in which nothing had changed. */
  readonly unchangedSeq: number;
  /** The last round, as it was: a verdict carries the error of the labelled canaries, which no flip rate shows. */
  readonly lastRound?: CanaryRoundSummary;
}

export interface CanaryRoundSummary {
  readonly round: number;
  readonly atMs: number;
  readonly version?: string;
  readonly compared: number;
  readonly changed: boolean;
  /** Misread canaries among the labelled ones. */
  readonly errors?: number;
  readonly labelled?: number;
}

export const NO_CANARIES: CanaryState = { tests: 0, unchangedSeq: 0 };

export interface CanaryVerdict {
  readonly state: CanaryState;
  /** Whether the changed model is worse than the baseline's at the level of this test. */
  readonly worse: boolean;
}

/**
 * Tests a round against the outcomes stored with the baseline: exact McNemar, one-sided, the k-th *change* at
 * level/(k(k+1)), so that a model that changed but is not worse ever alarms with probability at most `level`.
 * Unchanged scores, a round that was not probed, and a change that was tested already spend no test.
 */
export function foldCanaries(
  before: CanaryState,
  entry: CanariesEntry,
  seq: number,
  level: number,
): CanaryVerdict {
  const state = { ...before, lastRound: summaryOf(entry) };
  if (entry.compared > 0 && !entry.changed) return { state: { ...state, unchangedSeq: seq }, worse: false };
  const { worse, better } = entry;
  if (!entry.changed || worse === undefined || better === undefined) return { state, worse: false };
  const tested = { version: entry.version ?? '', worse, better };
  if (isSame(state.tested, tested)) return { state, worse: false };
  const tests = state.tests + 1;
  const p = mcnemarWorse(worse, better);
  const allowed = sequentialLevel(level, tests);
  const lastLogP = Math.log(p);
  const lastLogLevel = Math.log(allowed);
  return { state: { ...state, tests, tested, lastLogP, lastLogLevel }, worse: p <= allowed };
}

function summaryOf({
  round,
  atMs,
  version,
  compared,
  changed,
  errors,
  labelled,
}: CanariesEntry): CanaryRoundSummary {
  return {
    round,
    atMs,
    ...(version !== undefined && { version }),
    compared,
    changed,
    ...(errors !== undefined && { errors }),
    ...(labelled !== undefined && { labelled }),
  };
}

function isSame(a: CanaryState['tested'], b: NonNullable<CanaryState['tested']>): boolean {
  return a?.version === b.version && a.worse === b.worse && a.better === b.better;
}
