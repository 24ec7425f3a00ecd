import type { AlertmanagerNotification, NotifiedAlert } from '../../src/protocols/alertmanager.ts';
import { requestIdOf } from './threshold-trigger.ts';

/** What became of one alert: a request of its own, one that answers it already, or none and why. */
export interface AlertAnswer {
  readonly fingerprint: string;
  readonly outcome: 'requested' | 'known' | 'cooling_down' | 'resolved' | 'other_model' | 'no_reason';
  readonly requestId?: string;
}

/** A request that the alerts call for. */
export interface CalledRequest {
  readonly requestId: string;
  readonly reason: string;
}

export interface AlertmanagerState {
  readonly model: string;
  readonly nowMs: number;
  /** Requests of the model, with when and how their runs ended. */
  readonly requests: readonly {
    readonly requestId: string;
    readonly trigger: string;
    readonly requestedAtMs: number;
    readonly isOpen: boolean;
  }[];
}

/**
 * What a notification calls for. Alertmanager repeats what still fires, and sends again what was not confirmed, so the same
 * firing (group, fingerprint, start) is the same request for ever. A firing alert is answered by a request that nobody has
 * finished yet, whoever made it; within the cooldown after another one of this trigger it is not answered at all, and the
 * next repetition asks again. At most one request comes out of a notification: one run answers them all. Pure.
 *
 * @param cooldownSeconds least time between two requests by this trigger
 */
export function answerAlerts(
  { groupKey, alerts }: AlertmanagerNotification,
  state: AlertmanagerState,
  cooldownSeconds: number,
): { readonly answers: readonly AlertAnswer[]; readonly request: CalledRequest | undefined } {
  let request: CalledRequest | undefined;
  const answers = alerts.map((alert): AlertAnswer => {
    const { fingerprint, labels, status } = alert;
    if (status === 'resolved') return { fingerprint, outcome: 'resolved' };
    const { model = state.model } = labels;
    if (model !== state.model) return { fingerprint, outcome: 'other_model' };
    if (!isReason(labels)) return { fingerprint, outcome: 'no_reason' };
    const requestId = requestIdOf(state.model, 'alertmanager', firingOf(groupKey, alert));
    const known =
      state.requests.find((each) => each.requestId === requestId) ??
      state.requests.find(({ isOpen }) => isOpen) ??
      request;
    if (known !== undefined) return { fingerprint, outcome: 'known', requestId: known.requestId };
    if (isCoolingDown(state, cooldownSeconds)) return { fingerprint, outcome: 'cooling_down' };
    request = { requestId, reason: reasonOf(alert) };
    return { fingerprint, outcome: 'requested', requestId };
  });
  return { answers, request };
}

/**
 * Of Temper's own alerts only those of the model are a reason to harden it: a run that failed must not ask for the next
 * one, and a stale replica is not mended by training. Other people's alerts are reasons: they were routed here on purpose.
 */
function isReason({ alertname = '', cause }: NotifiedAlert['labels']): boolean {
  if (!alertname.startsWith('Temper') || alertname === 'TemperBreached') return true;
  return cause !== undefined && cause !== 'replica_stale';
}

function firingOf(groupKey: string, { fingerprint, startsAt }: NotifiedAlert): string {
  return JSON.stringify([groupKey, fingerprint, Date.parse(startsAt)]);
}

function isCoolingDown({ requests, nowMs }: AlertmanagerState, cooldownSeconds: number): boolean {
  return requests.some(
    ({ trigger, requestedAtMs }) =>
      trigger === 'alertmanager' && nowMs - requestedAtMs < 1000 * cooldownSeconds,
  );
}

const REASON_LENGTH = 500;

function reasonOf({ labels, annotations }: NotifiedAlert): string {
  const name = labels['alertname'] ?? 'an alert';
  const what = annotations['summary'] ?? annotations['description'];
  return (what === undefined ? name : `${name}: ${what}`).slice(0, REASON_LENGTH);
}
