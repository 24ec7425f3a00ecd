import type { Interval } from '../domain/interval.ts';
import type { Verdict, VerdictKind } from '../domain/verdict.ts';
import type { Alarm } from './alarm.ts';
import type { Baseline } from './baseline.ts';
import type { JudgeState } from './judge-state.ts';
import { riskInterval, type IntervalOptions, type RiskState } from './risk-tracker.ts';

/** How the sentinels of the period share one probability of error. */
export function intervalOptions({ settings, period }: JudgeState): IntervalOptions {
  return { confidence: settings.confidence, sentinels: Math.max(1, period.risks.length) };
}

/** Alarms that fire: breaches first, then in the order in which they were raised. */
export function firingAlarms({ alarms }: JudgeState): Alarm[] {
  const firing = alarms.filter(({ status }) => status === 'firing');
  return [
    ...firing.filter(({ monitor }) => monitor === 'breached'),
    ...firing.filter(({ monitor }) => monitor !== 'breached'),
  ];
}

/** breached > degraded > insufficient_data > ok. */
export function verdictKind(state: JudgeState): VerdictKind {
  const [first] = firingAlarms(state);
  if (first !== undefined) return first.monitor === 'breached' ? 'breached' : 'degraded';
  return state.period.folds < state.settings.minimumFolds ? 'insufficient_data' : 'ok';
}

/** The verdict as it stands, with the sentinel that decided, or else the one with the highest risk. */
export function computeVerdict(state: JudgeState): Verdict {
  const [alarm] = firingAlarms(state);
  const track = trackOf(state, alarm);
  const recipe = track?.recipe ?? alarm?.recipe ?? state.baselines[0]?.recipe ?? '';
  const baseline = baselineOf(state, recipe);
  return {
    model: state.model,
    version: state.served.version ?? 'unknown',
    kind: state.verdict.kind,
    ...(state.verdict.cause !== undefined && { cause: state.verdict.cause }),
    sinceMs: state.verdict.sinceMs,
    risk: currentRisk(state, track),
    recipe,
    ...(baseline !== undefined && { baselineUpper: baseline.upper }),
    limit: alarm?.limit ?? riskLimitOf(state, baseline),
    evidence: {
      folds: state.period.folds,
      samplesSinceChange: state.served.samples,
      ...(state.baselineId !== undefined && { baselineId: state.baselineId }),
      ...cleanErrorOf(state),
      ...(alarm !== undefined && { alarmId: alarm.id, monitor: alarm.monitor, ...alarm.evidence }),
    },
  };
}

/**
 * Robust error is at most clean error plus flip rate, so a verdict on flips carries the error of the labelled canaries,
 * as long as the round was of the version that is served.
 */
function cleanErrorOf({ canaries: { lastRound }, served }: JudgeState): { cleanError?: object } {
  const { errors, labelled, version = served.version } = lastRound ?? {};
  if (errors === undefined || labelled === undefined || version !== served.version) return {};
  return { cleanError: { errors, labelled } };
}

/** Interval of one sentinel now; before its first fold nothing is known but that it lies in [0, 1]. */
export function currentRisk(state: JudgeState, track: RiskState | undefined): Interval {
  if (track !== undefined) return riskInterval(track, intervalOptions(state));
  return { value: 0.5, lower: 0, upper: 1, n: 0, confidence: state.settings.confidence };
}

export function baselineOf({ baselines }: JudgeState, recipe: string | undefined): Baseline | undefined {
  return baselines.find((baseline) => baseline.recipe === recipe);
}

/** The level above which the risk would be news: the baseline's bound plus the tolerance, or the absolute limit. */
export function riskLimitOf({ settings }: JudgeState, baseline: Baseline | undefined): number {
  return baseline === undefined ? settings.riskLimit : Math.min(1, baseline.upper + settings.tolerance);
}

function trackOf({ period }: JudgeState, alarm: Alarm | undefined): RiskState | undefined {
  if (alarm?.recipe !== undefined) return period.risks.find(({ recipe }) => recipe === alarm.recipe);
  const mean = ({ lossSum, folds }: RiskState): number => lossSum / folds;
  return period.risks.reduce<RiskState | undefined>(
    (highest, next) => (highest === undefined || mean(next) > mean(highest) ? next : highest),
    undefined,
  );
}
