import type { Interval } from '../domain/interval.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Mark } from '../statistics/onset.ts';
import { alarmIdOf, type Alarm } from './alarm.ts';
import type { MonitorKind } from './cause.ts';
import type { JudgeState } from './judge-state.ts';
import { monitorName } from './monitors.ts';
import { baselineOf, currentRisk } from './verdict.ts';

/** Resolved and delivered alarms beyond this many are forgotten; the store keeps them all. */
const HISTORY = 100;

export type JudgeEvent =
  | { readonly type: 'alarm_raised'; readonly alarm: Alarm }
  | { readonly type: 'alarm_resolved'; readonly alarm: Alarm }
  | { readonly type: 'verdict_changed'; readonly verdict: Verdict };

/** A state and what became known on the way to it. */
export interface Folded {
  readonly state: JudgeState;
  readonly events: readonly JudgeEvent[];
}

/** What a monitor found. */
export interface Finding {
  readonly monitor: MonitorKind;
  readonly recipe?: string | undefined;
  /** The level that was crossed. */
  readonly limit: number;
  readonly onset: Mark;
  /** When it was found: number and time of the entry. */
  readonly at: Mark;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly risk?: Interval;
  readonly examples?: readonly string[];
}

/** Names of the monitors whose alarm fires: they rest until it is resolved. */
export function firingMonitors({ alarms }: JudgeState): ReadonlySet<string> {
  const firing = alarms.filter(({ status }) => status === 'firing');
  return new Set(firing.map(({ monitor, recipe }) => monitorName({ kind: monitor, recipe })));
}

/** Raises an alarm for each finding whose monitor does not fire already. */
export function raiseAlarms(state: JudgeState, findings: readonly Finding[]): Folded {
  const firing = firingMonitors(state);
  const raised = findings
    .filter(({ monitor, recipe }) => !firing.has(monitorName({ kind: monitor, recipe })))
    .map((finding) => alarmOf(state, finding));
  if (raised.length === 0) return { state, events: [] };
  return {
    state: { ...state, alarms: trimHistory([...state.alarms, ...raised]) },
    events: raised.map((alarm) => ({ type: 'alarm_raised', alarm })),
  };
}

/** Replaces alarms that fire by what `settle` makes of them. */
export function resolveAlarms(
  state: JudgeState,
  ids: ReadonlySet<string>,
  settle: (alarm: Alarm) => Alarm,
): Folded {
  const resolved: Alarm[] = [];
  const alarms = state.alarms.map((alarm) => {
    if (!ids.has(alarm.id) || alarm.status !== 'firing') return alarm;
    const settled = settle(alarm);
    resolved.push(settled);
    return settled;
  });
  return {
    state: { ...state, alarms },
    events: resolved.map((alarm) => ({ type: 'alarm_resolved', alarm })),
  };
}

function alarmOf(state: JudgeState, finding: Finding): Alarm {
  const { monitor, recipe, onset, at } = finding;
  const track = state.period.risks.find((risk) => risk.recipe === (recipe ?? state.baselines[0]?.recipe));
  const baseline = baselineOf(state, recipe ?? track?.recipe) ?? state.baselines[0];
  const name = monitorName({ kind: monitor, recipe });
  return {
    id: alarmIdOf({ model: state.model, baselineId: state.baselineId, monitor: name, onset: onset.index }),
    status: 'firing',
    monitor,
    severity: monitor === 'breached' ? 'critical' : 'warning',
    ...(recipe !== undefined && { recipe }),
    model: state.model,
    version: state.served.version ?? 'unknown',
    ...(state.baselineId !== undefined && { baselineId: state.baselineId }),
    ...(baseline !== undefined && { baselineUpper: baseline.upper }),
    limit: finding.limit,
    risk: finding.risk ?? currentRisk(state, track),
    sinceMs: onset.timeMs,
    raisedAtMs: at.timeMs,
    raisedSeq: at.index,
    raisedAtFold: state.foldsInAll,
    samplesSinceChange: state.served.samples,
    evidence: { ...finding.evidence },
    examples: [...(finding.examples ?? track?.examples ?? [])],
    delivered: [],
  };
}

/** Forgets the oldest that are over and were told; alarms that fire or wait for delivery are never forgotten. */
function trimHistory(alarms: readonly Alarm[]): Alarm[] {
  const over = alarms.filter(
    ({ status, delivered }) => status === 'resolved' && delivered.includes('resolved'),
  );
  const forgotten = new Set(over.slice(0, Math.max(0, alarms.length - HISTORY)));
  return alarms.filter((alarm) => !forgotten.has(alarm));
}
