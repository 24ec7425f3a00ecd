import { NO_ONSET } from '../statistics/onset.ts';
import type { Alarm } from './alarm.ts';
import type { AcknowledgeEntry } from './fold-log.ts';
import type { JudgeState } from './judge-state.ts';
import { acceptLevel, monitorName } from './monitors.ts';
import { resolveAlarms, type Folded } from './raise-alarm.ts';
import { NO_CHANGE, upperSinceOnset } from './since-onset.ts';
import { currentRisk } from './verdict.ts';

/**
 * Somebody has seen alarms that fire (one, or all) and accepts the risk as it is measured now: the alarms are resolved,
 * and their monitors start again against the confidence limit since the onset instead of the baseline's. So the same
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
  const monitors = state.monitors.map((each) =>
    monitorName(each) === name ? acceptLevel(each, state.settings) : each,
  );
  return { ...state, monitors };
}

function acceptBreach(state: JudgeState, recipe: string): JudgeState {
  const track = state.period.risks.find((risk) => risk.recipe === recipe);
  const risks = state.period.risks.map((risk) =>
    risk === track ? { ...risk, overLimit: NO_ONSET, sinceOver: NO_CHANGE } : risk,
  );
  const sinceOnset =
    track === undefined ? 1 : upperSinceOnset(track.sinceOver, (1 - state.settings.confidence) / 2);
  const upper = Math.max(currentRisk(state, track).upper, sinceOnset);
  const accepted = { ...state.accepted, [recipe]: upper };
  return { ...state, accepted, period: { ...state.period, risks } };
}

function acceptExplorer(state: JudgeState, recipe: string): JudgeState {
  const explorers = state.explorers.explorers.map((each) =>
    each.recipe === recipe ? { ...each, accepted: true } : each,
  );
  return { ...state, explorers: { ...state.explorers, explorers } };
}
