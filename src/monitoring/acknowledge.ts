import { startEDetector } from '../statistics/e-detector.ts';
import { bernsteinLower } from '../statistics/empirical-bernstein.ts';
import { NO_ONSET } from '../statistics/onset.ts';
import type { Alarm } from './alarm.ts';
import type { AcknowledgeEntry } from './fold-log.ts';
import type { JudgeState } from './judge-state.ts';
import { monitorName, type MonitorState } from './monitors.ts';
import { resolveAlarms, type Folded } from './raise-alarm.ts';
import { currentRisk } from './verdict.ts';

/**
 * Somebody has seen alarms that fire (one, or all) and accepts the risk as it is measured now: the alarms are resolved,
 * and their monitors start again against the confidence limit of today instead of the baseline's. So the same
 * condition does not alarm again at once, but a further worsening does. A new version or baseline takes it back.
 */
export function applyAcknowledge(state: JudgeState, entry: AcknowledgeEntry): Folded {
  const targets = state.alarms.filter(
    ({ id, status }) => status === 'firing' && (entry.alarmId === undefined || entry.alarmId === id),
  );
  const settle = (alarm: Alarm): Alarm => ({
    ...alarm,
    status: 'resolved',
    resolvedAtMs: entry.atMs,
    resolvedBy: 'acknowledge',
    evidence: { ...alarm.evidence, acknowledgedBy: entry.actor, reason: entry.reason },
  });
  const resolved = resolveAlarms(state, new Set(targets.map(({ id }) => id)), settle);
  return { state: targets.reduce(acceptRisk, resolved.state), events: resolved.events };
}

function acceptRisk(state: JudgeState, { monitor, recipe }: Alarm): JudgeState {
  if (monitor === 'breached') return acceptBreach(state, recipe!);
  if (monitor === 'explorer') return acceptExplorer(state, recipe!);
  const name = monitorName({ kind: monitor, recipe });
  const monitors = state.monitors.map((each) => (monitorName(each) === name ? restart(state, each) : each));
  return { ...state, monitors };
}

function acceptBreach(state: JudgeState, recipe: string): JudgeState {
  const track = state.period.risks.find((risk) => risk.recipe === recipe);
  const risks = state.period.risks.map((risk) => (risk === track ? { ...risk, overLimit: NO_ONSET } : risk));
  const accepted = { ...state.accepted, [recipe]: currentRisk(state, track).upper };
  return { ...state, accepted, period: { ...state.period, risks } };
}

function acceptExplorer(state: JudgeState, recipe: string): JudgeState {
  const explorers = state.explorers.explorers.map((each) =>
    each.recipe === recipe ? { ...each, accepted: true } : each,
  );
  return { ...state, explorers: { ...state.explorers, explorers } };
}

function restart(state: JudgeState, { kind, recipe, level }: MonitorState): MonitorState {
  const detector = startEDetector(state.settings.lambdas);
  const accepted = acceptedLevel(state, { kind, recipe, level });
  return { kind, ...(recipe !== undefined && { recipe }), level: accepted, detector };
}

/** Today's confidence limit, but never stricter than the level before. */
function acceptedLevel(
  state: JudgeState,
  {
    kind,
    recipe,
    level,
  }: {
    readonly kind: MonitorState['kind'];
    readonly recipe: string | undefined;
    readonly level: number;
  },
): number {
  if (kind === 'missing_outcomes') {
    const present = bernsteinLower(state.period.missingUpper, (1 - state.settings.confidence) / 2);
    return Math.max(level, 1 - present);
  }
  const risk = currentRisk(
    state,
    state.period.risks.find((each) => each.recipe === recipe),
  );
  return kind === 'risen' ? Math.max(level, risk.upper) : Math.min(level, risk.lower);
}
