import type { Interval } from '../domain/interval.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Alarm } from './alarm.ts';
import type { Baseline } from './baseline.ts';
import type { MonitorKind } from './cause.ts';

/** One sentinel since the version or the baseline began. */
export interface RecipeStatus {
  readonly recipe: string;
  readonly recipeId: string;
  /** Mean loss: betting confidence sequence, valid at all times at once; missing outcomes widen it. */
  readonly risk: Interval;
  /** Share of inputs broken within epsilon, empirical Bernstein confidence sequence. */
  readonly binaryRisk: Interval;
  /** Running mean of the loss with bounds that hold even while the risk moves: the line of a dashboard. */
  readonly runningRisk: Interval;
  readonly baseline?: Baseline;
}

/** How close one change detector is to its alarm. Logs are natural; an alarm fires at logValue ≥ logThreshold. */
export interface MonitorStatus {
  readonly name: string;
  readonly kind: MonitorKind;
  readonly recipe?: string;
  /** The level against which it tests. */
  readonly level: number;
  readonly logValue: number;
  readonly logThreshold: number;
  readonly firing: boolean;
}

export interface JudgeStatus {
  readonly verdict: Verdict;
  readonly model: string;
  readonly version: string | undefined;
  readonly baselines: readonly Baseline[];
  readonly riskLimit: number;
  readonly recipes: readonly RecipeStatus[];
  readonly monitors: readonly MonitorStatus[];
  /** Events folded since the version or the baseline began, and in all. */
  readonly folds: number;
  readonly foldsInAll: number;
  /** Sampled events folded since the served version last changed. */
  readonly samplesSinceChange: number;
  readonly missing: { readonly share: number; readonly folds: number };
  readonly replica: {
    readonly compared: number;
    readonly agreed: number;
    readonly fooled: number;
    readonly transferred: number;
  };
  readonly duplicates: number;
  readonly stale: number;
  readonly lastEventTimeMs: number | undefined;
  /** Oldest first, the last hundred. */
  readonly alarms: readonly Alarm[];
  /** Last folded offset by `lane|source|partition`: what to hand in next. */
  readonly frontier: Readonly<Record<string, number>>;
  /** Number of the last entry folded. */
  readonly seq: number;
}
