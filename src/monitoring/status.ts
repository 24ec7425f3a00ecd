import type { Interval } from '../domain/interval.ts';
import type { Verdict } from '../domain/verdict.ts';
import { sequentialLevel } from '../statistics/mcnemar.ts';
import type { Alarm } from './alarm.ts';
import type { Baseline } from './baseline.ts';
import type { CanaryRoundSummary } from './canary-monitor.ts';
import type { MonitorKind } from './cause.ts';
import { explorerLogThreshold } from './explorers.ts';
import type { JudgeState } from './judge-state.ts';
import { logThreshold, monitorLog, monitorName } from './monitors.ts';
import { firingMonitors } from './raise-alarm.ts';
import {
  binaryInterval,
  breachCapitals,
  riskInterval,
  runningInterval,
  type RiskState,
} from './risk-tracker.ts';
import { baselineOf, computeVerdict, intervalOptions } from './verdict.ts';

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
  /** Sampled events in the log, duplicates and stale ones included. */
  readonly observed: number;
  /** Sampled events folded since the served version last changed. */
  readonly samplesSinceChange: number;
  readonly missing: { readonly share: number; readonly folds: number };
  readonly replica: {
    readonly compared: number;
    readonly agreed: number;
    readonly fooled: number;
    readonly transferred: number;
  };
  /** The last round of canaries since the baseline. */
  readonly canaries: CanaryRoundSummary | undefined;
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

/** Everything people and metrics look at, from a state. */
export function computeStatus(state: JudgeState): JudgeStatus {
  const { period, served, baselines } = state;
  return {
    verdict: computeVerdict(state),
    model: state.model,
    version: served.version,
    baselines,
    riskLimit: state.settings.riskLimit,
    recipes: period.risks.map((risk) => recipeStatus(state, risk)),
    monitors: monitorStatuses(state),
    folds: period.folds,
    foldsInAll: state.foldsInAll,
    observed: state.observed,
    samplesSinceChange: served.samples,
    missing: { share: period.folds === 0 ? 0 : period.missingSum / period.folds, folds: period.folds },
    replica: period.replica,
    canaries: state.canaries.lastRound,
    duplicates: state.duplicates,
    stale: state.stale,
    lastEventTimeMs: state.lastEventTimeMs,
    alarms: state.alarms,
    frontier: state.frontier,
    seq: state.seq,
  };
}

function recipeStatus(state: JudgeState, risk: RiskState): RecipeStatus {
  const options = intervalOptions(state);
  const baseline = baselineOf(state, risk.recipe);
  return {
    recipe: risk.recipe,
    recipeId: risk.recipeId,
    risk: riskInterval(risk, options),
    binaryRisk: binaryInterval(risk, options),
    runningRisk: runningInterval(risk, options),
    ...(baseline !== undefined && { baseline }),
  };
}

function monitorStatuses(state: JudgeState): MonitorStatus[] {
  const firing = firingMonitors(state);
  const statuses = [...detectors(state), ...limits(state), ...canaryTests(state), ...explorers(state)];
  return statuses.map((status) => {
    const name = monitorName(status);
    return { name, ...status, firing: firing.has(name) };
  });
}

type Measured = Omit<MonitorStatus, 'name' | 'firing'>;

function detectors({ monitors, settings }: JudgeState): Measured[] {
  return monitors.map((monitor) => ({
    kind: monitor.kind,
    ...(monitor.recipe !== undefined && { recipe: monitor.recipe }),
    level: monitor.level,
    logValue: monitorLog(monitor),
    logThreshold: logThreshold(monitors, settings),
  }));
}

/** The capital against the absolute limit, read at the first grid value at or above it. */
function limits(state: JudgeState): Measured[] {
  const { confidence, sentinels } = intervalOptions(state);
  return state.period.risks.map((risk) => {
    const { recipe } = risk;
    const level = Math.max(state.settings.riskLimit, state.accepted[recipe] ?? 0);
    const logValue = Math.max(
      ...breachCapitals(risk).map(
        ({ logCapital }) => logCapital[Math.ceil(level * (logCapital.length - 1))] ?? 0,
      ),
    );
    return {
      kind: 'breached',
      recipe,
      level,
      logValue,
      logThreshold: -Math.log((1 - confidence) / (2 * sentinels)),
    };
  });
}

function canaryTests({ canaries, settings, baselines }: JudgeState): Measured[] {
  if (baselines[0]?.canarySetId === undefined) return [];
  const nextLevel = Math.log(sequentialLevel(settings.canaryLevel, canaries.tests + 1));
  const logValue = canaries.lastLogP === undefined ? 0 : -canaries.lastLogP;
  return [
    {
      kind: 'canaries',
      level: settings.canaryLevel,
      logValue,
      logThreshold: -(canaries.lastLogLevel ?? nextLevel),
    },
  ];
}

function explorers({ explorers: book, settings }: JudgeState): Measured[] {
  return book.explorers.map((explorer) => ({
    kind: 'explorer',
    recipe: explorer.recipe,
    level: settings.explorerExcess,
    logValue: explorer.excess.log,
    logThreshold: explorerLogThreshold(explorer, settings),
  }));
}
