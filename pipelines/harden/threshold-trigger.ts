import { hashJson } from '../../src/domain/hashing.ts';

/** An alarm that nobody has answered: its verdict still stands. */
export interface OpenAlarm {
  readonly alarmId: string;
  readonly verdict: 'degraded' | 'breached';
  readonly cause: string;
  /** How many samples had been folded when it was raised. */
  readonly raisedAtFold: number;
  /** Event time, ms. */
  readonly raisedAtMs: number;
}

export interface ThresholdState {
  readonly alarms: readonly OpenAlarm[];
  /** Earlier requests of this model that an alarm wrote; times are event times, ms. */
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
 * and answers the same. An alarm makes at most one request ever, and a request answers every alarm that was raised before
 * it; within the cooldown of an earlier request an alarm waits.
 */
export function dueAlarm(state: ThresholdState, settings: ThresholdSettings): OpenAlarm | undefined {
  const last = state.requests.reduce(
    (latest, { requestedAtMs }) => Math.max(latest, requestedAtMs),
    -Infinity,
  );
  if (state.nowMs - last < 1000 * settings.cooldownSeconds) return undefined;
  return state.alarms.find(
    (alarm) =>
      settings.onVerdict.includes(alarm.verdict) &&
      !state.requests.some(
        ({ alarmId, requestedAtMs }) => alarmId === alarm.alarmId || requestedAtMs >= alarm.raisedAtMs,
      ) &&
      state.folds - alarm.raisedAtFold >= settings.settleSamples,
  );
}

/** The same alarm gives the same request, so that two triggers write one row. */
export function requestIdOf(model: string, trigger: string, key: string | number): string {
  return hashJson({ model, trigger, key }).slice(0, 24);
}
