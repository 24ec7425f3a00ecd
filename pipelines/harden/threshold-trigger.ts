import { hashJson } from '../../src/domain/hashing.ts';

/** An alarm that nobody has answered: its verdict still stands. */
export interface OpenAlarm {
  readonly alarmId: string;
  readonly verdict: 'degraded' | 'breached';
  readonly cause: string;
  /** How many samples had been folded when it was raised. */
  readonly raisedAtFold: number;
}

export interface ThresholdState {
  readonly alarms: readonly OpenAlarm[];
  /** Earlier requests of this model, whoever wrote them. */
  readonly requests: readonly { readonly alarmId?: string; readonly requestedAtMs: number }[];
  /** Samples folded until now. */
  readonly folds: number;
  /** Event time of the last fold, ms. */
  readonly nowMs: number;
}

export interface ThresholdSettings {
  readonly onVerdict: readonly ('degraded' | 'breached')[];
  readonly cooldownSeconds: number;
  readonly settleSamples: number;
}

/**
 * Which alarm, if any, should become a run request now. Pure: it is asked again after every fold and after a restart,
 * and answers the same. An alarm makes at most one request ever; within the cooldown of any earlier request it waits.
 */
export function dueAlarm(state: ThresholdState, settings: ThresholdSettings): OpenAlarm | undefined {
  const answered = new Set(state.requests.map((request) => request.alarmId));
  const last = state.requests.reduce(
    (latest, { requestedAtMs }) => Math.max(latest, requestedAtMs),
    -Infinity,
  );
  if (state.nowMs - last < 1000 * settings.cooldownSeconds) return undefined;
  return state.alarms.find(
    (alarm) =>
      settings.onVerdict.includes(alarm.verdict) &&
      !answered.has(alarm.alarmId) &&
      state.folds - alarm.raisedAtFold >= settings.settleSamples,
  );
}

/** The same alarm gives the same request, so that two triggers write one row. */
export function requestIdOf(model: string, trigger: string, key: string | number): string {
  return hashJson({ model, trigger, key }).slice(0, 24);
}
