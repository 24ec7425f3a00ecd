import {
  eDetectorLog,
  eDetectorOnset,
  startEDetector,
  stepEDetector,
  type EDetectorState,
} from '../statistics/e-detector.ts';
import type { Baseline } from './baseline.ts';
import type { ObservationEntry } from './fold-log.ts';
import type { JudgeSettings } from './judge-settings.ts';
import {
  NO_CHANGE,
  stepSinceOnset,
  upperSinceOnset,
  watchSinceOnset,
  type SinceOnset,
} from './since-onset.ts';

const MS_PER_DAY = 86_400_000;
/** What an observation stakes at least, 1e-9 days (0.09 ms): with equal time stamps a detector would never start. */
const SMALLEST_STAKE_DAYS = 1e-9;
/** And at most: after a long silence one observation alone must not alarm. Staking less than has passed is always valid. */
const LARGEST_STAKE_DAYS = 1;

/** A change detector against one level. Several share the budget of false alarms equally. JSON. */
export interface MonitorState {
  readonly kind: 'risen' | 'fallen' | 'missing_outcomes';
  /** Sentinel; absent for missing outcomes, which are counted over all. */
  readonly recipe?: string;
  /** The null: the mean is at most this (risen, missing_outcomes), or at least this (fallen). */
  readonly level: number;
  readonly detector: EDetectorState;
  /** What it tests, since its onset: what an acknowledgement accepts. */
  readonly since: SinceOnset;
  /** Event time of the latest observation it took; absent before the first. */
  readonly lastTimeMs?: number;
}

/** Detectors of a baseline: risen and fallen for each sentinel, and one for missing outcomes, all from zero. */
export function startMonitors(baselines: readonly Baseline[], settings: JudgeSettings): MonitorState[] {
  const detector = startEDetector(settings.lambdas);
  const bySentinel = baselines.flatMap(({ recipe, upper, lower }): MonitorState[] => [
    { kind: 'risen', recipe, level: Math.min(1, upper + settings.tolerance), detector, since: NO_CHANGE },
    { kind: 'fallen', recipe, level: Math.max(0, lower - settings.tolerance), detector, since: NO_CHANGE },
  ]);
  const missing = {
    kind: 'missing_outcomes',
    level: settings.missingLimit,
    detector,
    since: NO_CHANGE,
  } as const;
  return [...bySentinel, missing];
}

/** `risen:pgd-20@1f3a5c7e`: unique among a model's monitors. */
export function monitorName({
  kind,
  recipe,
}: {
  readonly kind: string;
  readonly recipe?: string | undefined;
}): string {
  return recipe === undefined ? kind : `${kind}:${recipe}`;
}

/** ln(D / w) with equal weights w = 1 / monitors: a detector alarms when its log reaches it. */
export function logThreshold(monitors: readonly MonitorState[], { falseAlarmDays }: JudgeSettings): number {
  return Math.log(falseAlarmDays * monitors.length);
}

/** ln of a detector; before its first observation, ln of the smallest stake, which is finite. */
export function monitorLog({ detector, lastTimeMs }: MonitorState): number {
  return lastTimeMs === undefined ? Math.log(SMALLEST_STAKE_DAYS) : eDetectorLog(detector);
}

export interface MonitorStep {
  /** Number of the entry. */
  readonly index: number;
  /** Of the limit that an acknowledgement would accept. */
  readonly confidence: number;
}

/**
 * Takes one cluster in. The stake is the event time in days since the monitor's latest observation, kept within
 * [1e-9, 1]. The first observation has no such time: it stakes the smallest, so that a fresh monitor starts with
 * nothing. An observation that is late (its time is before the latest) stakes the smallest too.
 */
export function stepMonitor(
  monitor: MonitorState,
  observation: ObservationEntry,
  { index, confidence }: MonitorStep,
): MonitorState {
  const tested = testedValue(monitor, observation);
  if (tested === undefined) return monitor;
  const timeMs = observation.eventTimeMs;
  const lastTimeMs = monitor.lastTimeMs ?? timeMs;
  const days = (timeMs - lastTimeMs) / MS_PER_DAY;
  const stakeDays = Math.min(LARGEST_STAKE_DAYS, Math.max(SMALLEST_STAKE_DAYS, days));
  const detector = stepEDetector(monitor.detector, { ...tested, stakeDays, at: { index, timeMs } });
  const onset = eDetectorOnset(detector);
  const since = stepSinceOnset(monitor.since, tested.x, { onset, level: (1 - confidence) / 2 });
  return { ...monitor, detector, since, lastTimeMs: Math.max(timeMs, lastTimeMs) };
}

/** Takes one cluster in while the monitor's alarm fires: the detector rests, but how bad it is goes on to be measured. */
export function watchMonitor(
  monitor: MonitorState,
  observation: ObservationEntry,
  confidence: number,
): MonitorState {
  const tested = testedValue(monitor, observation);
  if (tested === undefined) return monitor;
  return { ...monitor, since: watchSinceOnset(monitor.since, tested.x, (1 - confidence) / 2) };
}

/**
 * The monitor from zero, with today's confidence limit as its level: the limit since the onset, of the very value that is
 * tested, but never stricter than the level before.
 */
export function acceptLevel(
  { kind, recipe, level, since }: MonitorState,
  { lambdas, confidence }: JudgeSettings,
): MonitorState {
  const upper = upperSinceOnset(since, (1 - confidence) / 2);
  const accepted = kind === 'fallen' ? Math.min(level, 1 - upper) : Math.max(level, upper);
  return {
    kind,
    ...(recipe !== undefined && { recipe }),
    level: accepted,
    detector: startEDetector(lambdas),
    since: NO_CHANGE,
  };
}

/** Share of rows without an outcome, over all recipes of one cluster. */
export function missingShare({ recipes }: ObservationEntry): number {
  const sum = recipes.reduce(
    (total, { lossLower, lossUpper }) => total + Math.max(0, lossUpper - lossLower),
    0,
  );
  return sum / recipes.length;
}

/**
 * What a monitor tests, as a value whose mean is at most `limit` under the null. Whoever claims a rise counts missing
 * outcomes as 0, whoever claims a fall counts them as 1.
 */
function testedValue(
  { kind, recipe, level }: MonitorState,
  observation: ObservationEntry,
): { x: number; limit: number } | undefined {
  if (kind === 'missing_outcomes') return { x: missingShare(observation), limit: level };
  const measured = observation.recipes.find((candidate) => candidate.recipe === recipe);
  if (measured === undefined) return undefined;
  return kind === 'risen'
    ? { x: measured.lossLower, limit: level }
    : { x: 1 - measured.lossUpper, limit: Math.max(1e-6, 1 - level) };
}
