import type { Cause, VerdictKind } from '../domain/verdict.ts';
import { NO_BERNSTEIN, type EmpiricalBernsteinState } from '../statistics/empirical-bernstein.ts';
import type { Alarm } from './alarm.ts';
import type { Baseline } from './baseline.ts';
import { NO_CANARIES, type CanaryState } from './canary-monitor.ts';
import type { ExplorerBook } from './explorers.ts';
import type { JudgeSettings } from './judge-settings.ts';
import { startMonitors, type MonitorState } from './monitors.ts';
import type { RiskState } from './risk-tracker.ts';

/** What was folded since the served version last changed or a baseline was set. */
export interface Period {
  readonly folds: number;
  readonly risks: readonly RiskState[];
  /** Share of missing outcomes. */
  readonly missingSum: number;
  readonly missingUpper: EmpiricalBernsteinState;
  readonly replica: {
    readonly compared: number;
    readonly agreed: number;
    readonly fooled: number;
    readonly transferred: number;
  };
}

/** Everything the judge knows: a fold over the log, and JSON. Equal logs give equal canonical text. */
export interface JudgeState {
  readonly model: string;
  readonly settings: JudgeSettings;
  /** Number of the last entry folded. */
  readonly seq: number;
  /** Latest event time folded. */
  readonly lastEventTimeMs?: number;
  readonly served: {
    readonly version?: string;
    readonly sinceMs: number;
    readonly sinceSeq: number;
    /** Sampled events folded since then. */
    readonly samples: number;
  };
  /** Versions that were served, oldest first, to tell an old outcome from a new version. */
  readonly versionsSeen: readonly string[];
  /** One per sentinel; empty before the first gate. */
  readonly baselines: readonly Baseline[];
  readonly baselineId?: string;
  /** Baselines of a version that is not served yet. */
  readonly pending: readonly Baseline[];
  readonly period: Period;
  readonly monitors: readonly MonitorState[];
  readonly canaries: CanaryState;
  readonly explorers: ExplorerBook;
  /** Risk that somebody accepted by acknowledging a breach, by recipe. */
  readonly accepted: Readonly<Record<string, number>>;
  readonly alarms: readonly Alarm[];
  readonly verdict: { readonly kind: VerdictKind; readonly cause?: Cause; readonly sinceMs: number };
  /** Last folded offset by `lane|source|partition`. */
  readonly frontier: Readonly<Record<string, number>>;
  /** Event ids folded lately: a duplicate is not separate evidence. */
  readonly recentEvents: readonly string[];
  readonly foldsInAll: number;
  /** Sampled events in the log, duplicates and stale ones included: what the distance of canary rounds is counted in. */
  readonly observed: number;
  readonly duplicates: number;
  /** Outcomes of a version that is no longer served. */
  readonly stale: number;
}

export const EMPTY_PERIOD: Period = {
  folds: 0,
  risks: [],
  missingSum: 0,
  missingUpper: NO_BERNSTEIN,
  replica: { compared: 0, agreed: 0, fooled: 0, transferred: 0 },
};

/** The state before the first entry. @param settings hold until the log's first `threshold` entry */
export function initialState(model: string, settings: JudgeSettings): JudgeState {
  return {
    model,
    settings,
    seq: 0,
    served: { sinceMs: 0, sinceSeq: 0, samples: 0 },
    versionsSeen: [],
    baselines: [],
    pending: [],
    period: EMPTY_PERIOD,
    monitors: startMonitors([], settings),
    canaries: NO_CANARIES,
    explorers: { explorers: [], tried: 0 },
    accepted: {},
    alarms: [],
    verdict: { kind: 'insufficient_data', sinceMs: 0 },
    frontier: {},
    recentEvents: [],
    foldsInAll: 0,
    observed: 0,
    duplicates: 0,
    stale: 0,
  };
}
