import { eDetectorOnset } from '../statistics/e-detector.ts';
import { stepBernstein } from '../statistics/empirical-bernstein.ts';
import type { Mark } from '../statistics/onset.ts';
import { applyVersion } from './apply-version.ts';
import { explorerInterval, explorerLogThreshold, foldExplorers, type ExplorerState } from './explorers.ts';
import type { ObservationEntry } from './fold-log.ts';
import type { JudgeState, Period } from './judge-state.ts';
import {
  logThreshold,
  missingShare,
  monitorLog,
  monitorName,
  stepMonitor,
  watchMonitor,
  type MonitorState,
} from './monitors.ts';
import { firingMonitors, raiseAlarms, type Finding, type Folded } from './raise-alarm.ts';
import { restartAtRise, riskLower, startRisk, stepRisk, type RiskState } from './risk-tracker.ts';
import { intervalOptions } from './verdict.ts';

/** Event ids that are remembered to recognise duplicates. */
const REMEMBERED = 1024;

/** Key of a partition in a state's frontier. */
export function frontierKey({ lane, position }: Pick<ObservationEntry, 'lane' | 'position'>): string {
  return `${lane}|${position.source}|${position.partition}`;
}

/**
 * Whether the log has this observation already, because a caller hands it in again. Sentinels fold in position order, so
 * everything up to the frontier is there; explorers fold when they are ready, and are recognised by event and recipes
 * among the last 1,024. An event id that comes again at a later position is in the log only once it was taken in: it has
 * to move the frontier, or whoever reads on from the frontier would read it for ever.
 */
export function isLogged(state: JudgeState, entry: ObservationEntry): boolean {
  if (entry.lane === 'explorer') return state.recentEvents.includes(clusterKey(entry));
  return entry.position.offset <= (state.frontier[frontierKey(entry)] ?? -1);
}

/**
 * Folds one cluster: estimates, detectors, then alarms. Outcomes of an earlier version only count, and so do duplicates:
 * an event id that comes again at a later position is not separate evidence.
 */
export function foldObservation(state: JudgeState, entry: ObservationEntry, seq: number): Folded {
  const reached = takeIn(state, entry);
  if (isLogged(state, entry) || state.recentEvents.includes(clusterKey(entry)))
    return quiet({ ...reached, duplicates: state.duplicates + 1 });
  const recentEvents = [...state.recentEvents, clusterKey(entry)].slice(-REMEMBERED);
  const seen = { ...reached, recentEvents };
  if (isStale(state, entry.version)) return quiet({ ...seen, stale: state.stale + 1 });
  const { state: served, events } = applyVersion(seen, entry.version, {
    index: seq,
    timeMs: entry.eventTimeMs,
  });
  const at = { index: seq, timeMs: entry.eventTimeMs };
  const folded =
    entry.lane === 'sentinel' ? foldSentinels(served, entry, at) : foldExplorer(served, entry, at);
  return { state: folded.state, events: [...events, ...folded.events] };
}

/** Whether an outcome belongs to a version that was served earlier, and is no longer. */
export function isStale({ served, versionsSeen }: JudgeState, version: string | undefined): boolean {
  return version !== undefined && version !== served.version && versionsSeen.includes(version);
}

function foldSentinels(state: JudgeState, entry: ObservationEntry, at: Mark): Folded {
  const firing = firingMonitors(state);
  const { confidence } = state.settings;
  const monitors = state.monitors.map((monitor) =>
    firing.has(monitorName(monitor))
      ? watchMonitor(monitor, entry, confidence)
      : stepMonitor(monitor, entry, { index: at.index, confidence }),
  );
  const next: JudgeState = {
    ...state,
    lastEventTimeMs: Math.max(state.lastEventTimeMs ?? -Infinity, at.timeMs),
    served: { ...state.served, samples: state.served.samples + 1 },
    period: foldPeriod(state, entry, at),
    monitors,
    foldsInAll: state.foldsInAll + 1,
  };
  return beginAtRises(raiseAlarms(next, [...breaches(next, at), ...changes(next, at)]));
}

/** Where `risen` has just alarmed, the absolute limit is tested from here on as well. */
function beginAtRises({ state, events }: Folded): Folded {
  const risen = events.flatMap((event) =>
    event.type === 'alarm_raised' && event.alarm.monitor === 'risen' ? [event.alarm.recipe] : [],
  );
  if (risen.length === 0) return { state, events };
  const risks = state.period.risks.map((risk) => (risen.includes(risk.recipe) ? restartAtRise(risk) : risk));
  return { state: { ...state, period: { ...state.period, risks } }, events };
}

function foldPeriod({ period, settings, accepted }: JudgeState, entry: ObservationEntry, at: Mark): Period {
  const missing = missingShare(entry);
  const risks = entry.recipes.reduce<readonly RiskState[]>((current, measured) => {
    const limit = Math.max(settings.riskLimit, accepted[measured.recipe] ?? 0);
    const options = { confidence: settings.confidence, limit, at };
    const known = current.find(({ recipe }) => recipe === measured.recipe);
    const after = stepRisk(known ?? startRisk(measured.recipe, measured.recipeId), measured, options);
    return known === undefined ? [...current, after] : current.map((each) => (each === known ? after : each));
  }, period.risks);
  const level = (1 - settings.confidence) / 2;
  return {
    folds: period.folds + 1,
    risks,
    missingSum: period.missingSum + missing,
    missingUpper: stepBernstein(period.missingUpper, Math.max(0, 1 - missing), level),
    replica: addCounts(period.replica, entry.replica),
  };
}

function addCounts(a: Period['replica'], b: Period['replica'] | undefined): Period['replica'] {
  if (b === undefined) return a;
  return {
    compared: a.compared + b.compared,
    agreed: a.agreed + b.agreed,
    fooled: a.fooled + b.fooled,
    transferred: a.transferred + b.transferred,
  };
}

/** Sentinels whose lower confidence limit is above the absolute limit, or above what was accepted since. */
function breaches(state: JudgeState, at: Mark): Finding[] {
  const options = intervalOptions(state);
  return state.period.risks.flatMap((risk): Finding[] => {
    const limit = Math.max(state.settings.riskLimit, state.accepted[risk.recipe] ?? 0);
    const lower = riskLower(risk, options);
    if (lower <= limit) return [];
    const evidence = { lower, folds: risk.folds };
    return [
      { monitor: 'breached', recipe: risk.recipe, limit, onset: risk.overLimit.mark ?? at, at, evidence },
    ];
  });
}

/** Detectors that reached their threshold. */
function changes(state: JudgeState, at: Mark): Finding[] {
  const threshold = logThreshold(state.monitors, state.settings);
  return state.monitors.flatMap((monitor): Finding[] => {
    const logValue = monitorLog(monitor);
    if (logValue < threshold) return [];
    return [changeFinding(monitor, { logValue, logThreshold: threshold, folds: state.period.folds }, at)];
  });
}

function changeFinding(
  { kind, recipe, level, detector }: MonitorState,
  evidence: Record<string, number>,
  at: Mark,
): Finding {
  const onset = eDetectorOnset(detector) ?? at;
  return { monitor: kind, recipe, limit: level, onset, at, evidence };
}

function foldExplorer(state: JudgeState, entry: ObservationEntry, at: Mark): Folded {
  const explorers = foldExplorers(state.explorers, entry, { settings: state.settings, at });
  const findings = explorers.explorers.flatMap((explorer) => explorerFinding(state, explorer, at));
  return raiseAlarms({ ...state, explorers }, findings);
}

function explorerFinding({ settings }: JudgeState, explorer: ExplorerState, at: Mark): Finding[] {
  const logThreshold = explorerLogThreshold(explorer, settings);
  const { recipe, excess, accepted, onset, examples } = explorer;
  if (accepted || excess.log < logThreshold) return [];
  const evidence = { logValue: excess.log, logThreshold, folds: explorer.folds };
  const risk = explorerInterval(explorer, settings.confidence);
  const limit = settings.explorerExcess;
  return [{ monitor: 'explorer', recipe, limit, onset: onset.mark ?? at, at, evidence, risk, examples }];
}

function clusterKey({ lane, eventId, recipes }: ObservationEntry): string {
  return lane === 'sentinel'
    ? eventId
    : `explorer|${eventId}|${recipes.map(({ recipeId }) => recipeId).join('|')}`;
}

/** Explorers have no frontier: they do not fold in order. */
function takeIn(state: JudgeState, entry: ObservationEntry): JudgeState {
  if (entry.lane === 'explorer') return state;
  const key = frontierKey(entry);
  const offset = Math.max(entry.position.offset, state.frontier[key] ?? -1);
  return { ...state, observed: state.observed + 1, frontier: { ...state.frontier, [key]: offset } };
}

function quiet(state: JudgeState): Folded {
  return { state, events: [] };
}
