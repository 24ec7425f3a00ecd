import type { Mark } from '../statistics/onset.ts';
import type { Alarm } from './alarm.ts';
import { baselineIdOf, type Baseline } from './baseline.ts';
import { NO_CANARIES } from './canary-monitor.ts';
import { EMPTY_PERIOD, type JudgeState } from './judge-state.ts';
import { startMonitors } from './monitors.ts';
import { resolveAlarms, type Folded } from './raise-alarm.ts';
import { restartSinceOnset } from './since-onset.ts';

/** Versions that are remembered as served earlier. */
const REMEMBERED = 50;

/**
 * The served model reports a version. A new one begins a new period of estimates and takes back what was accepted for
 * the old one; alarms stay latched and the detectors run on, because it is judged against the last gated baseline,
 * unless a baseline of its own is waiting.
 */
export function applyVersion(state: JudgeState, version: string | undefined, at: Mark): Folded {
  if (version === undefined || version === state.served.version) return { state, events: [] };
  const changed: JudgeState = {
    ...state,
    served: { version, sinceMs: at.timeMs, sinceSeq: at.index, samples: 0 },
    versionsSeen: [...state.versionsSeen.filter((seen) => seen !== version), version].slice(-REMEMBERED),
    period: EMPTY_PERIOD,
    monitors: withLevelsOfBaseline(state),
    explorers: { explorers: [], tried: state.explorers.tried },
    accepted: {},
  };
  if (state.pending[0]?.version !== version) return { state: changed, events: [] };
  return activateBaseline(changed, state.pending, at);
}

/**
 * Baselines of a version that passed the gate. They apply at once when that version is, or was, served, or when the
 * server reports no versions; otherwise they wait until it is, so that the old model is not judged by the new one.
 */
export function applyBaseline(state: JudgeState, baselines: readonly Baseline[], at: Mark): Folded {
  const { version } = baselines[0]!;
  const applies = state.served.version === undefined || state.versionsSeen.includes(version);
  if (!applies) return { state: { ...state, pending: baselines }, events: [] };
  return activateBaseline(state, baselines, at);
}

/** A new baseline ends every alarm and starts everything from zero. */
function activateBaseline(state: JudgeState, baselines: readonly Baseline[], at: Mark): Folded {
  const firing = state.alarms.filter(({ status }) => status === 'firing');
  const settle = (alarm: Alarm): Alarm => ({
    ...alarm,
    status: 'resolved',
    resolvedAtMs: at.timeMs,
    resolvedBy: 'baseline',
  });
  const resolved = resolveAlarms(state, new Set(firing.map(({ id }) => id)), settle);
  const next: JudgeState = {
    ...resolved.state,
    baselines,
    baselineId: baselineIdOf(baselines),
    pending: [],
    period: EMPTY_PERIOD,
    monitors: startMonitors(baselines, state.settings),
    canaries: NO_CANARIES,
    explorers: { explorers: [], tried: 0 },
    accepted: {},
  };
  return { state: next, events: resolved.events };
}

/** Detectors run on; a level that was raised by an acknowledgement goes back. */
function withLevelsOfBaseline({ monitors, baselines, settings }: JudgeState): JudgeState['monitors'] {
  const fresh = startMonitors(baselines, settings);
  return monitors.map((monitor, i) => ({
    ...monitor,
    level: fresh[i]!.level,
    since: restartSinceOnset(monitor.since),
  }));
}
