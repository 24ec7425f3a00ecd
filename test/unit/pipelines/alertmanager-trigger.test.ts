import { answerAlerts, type AlertmanagerState } from '../../../pipelines/harden/alertmanager-trigger.ts';
import {
  alertmanagerNotificationSchema,
  type AlertmanagerNotification,
} from '../../../src/protocols/alertmanager.ts';

const NOW = Date.parse('2026-01-05T09:00:00Z');
const COOLDOWN = 3600;

const alert = (over: object = {}) => ({
  status: 'firing',
  labels: { alertname: 'TemperModelChanged', cause: 'model_changed', model: 'digits' },
  annotations: { summary: 'The model changed.' },
  startsAt: '2026-01-05T08:55:00.123Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus/graph',
  fingerprint: 'c0ffee',
  ...over,
});

/** As Alertmanager sends it, with keys that nobody asked for. */
const notification = (...alerts: object[]): AlertmanagerNotification =>
  alertmanagerNotificationSchema.parse({
    version: '4',
    groupKey: '{}:{alertname="TemperModelChanged"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'temper',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager',
    alerts,
  });

const state = (...requests: AlertmanagerState['requests']): AlertmanagerState => ({
  model: 'digits',
  nowMs: NOW,
  requests,
});

const ask = (body: AlertmanagerNotification, before: AlertmanagerState) =>
  answerAlerts(body, before, COOLDOWN);

test('a firing alert calls for a request, with a reason for people', () => {
  const { answers, request } = ask(notification(alert()), state());
  expect(request).toEqual({
    requestId: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
    reason: 'TemperModelChanged: The model changed.',
  });
  expect(answers).toEqual([{ fingerprint: 'c0ffee', outcome: 'requested', requestId: request!.requestId }]);
});

test('the same firing is the same request, for ever; a later firing is another', () => {
  const first = ask(notification(alert()), state()).request!;
  const made = { requestId: first.requestId, trigger: 'alertmanager', requestedAtMs: 0, isOpen: false };
  expect(ask(notification(alert()), state(made))).toMatchObject({
    request: undefined,
    answers: [{ outcome: 'known', requestId: first.requestId }],
  });
  const offset = notification(alert({ startsAt: '2026-01-05T09:55:00.123+01:00' }));
  expect(ask(offset, state(made)).request).toBeUndefined();
  const later = ask(notification(alert({ startsAt: '2026-01-06T00:00:00Z' })), state(made)).request!;
  expect(later.requestId).not.toBe(first.requestId);
  const other = { ...notification(alert()), groupKey: 'another' };
  expect(ask(other, state(made)).request!.requestId).not.toBe(first.requestId);
});

test.each([
  [{ alertname: 'TemperBreached' }, 'requested'],
  [{ alertname: 'TemperInputsDrifted', cause: 'inputs_drifted' }, 'requested'],
  [{ alertname: 'TemperReplicaStale', cause: 'replica_stale' }, 'no_reason'],
  [{ alertname: 'TemperGateRefused' }, 'no_reason'],
  [{ alertname: 'TemperSidecarDown' }, 'no_reason'],
  [{ alertname: 'OurFraudModelIsWorse' }, 'requested'],
])('%j: %s', (labels, outcome) => {
  expect(ask(notification(alert({ labels })), state()).answers[0]).toMatchObject({ outcome });
});

test('one run answers all alerts of a notification', () => {
  const { answers, request } = ask(
    notification(alert(), alert({ fingerprint: 'beef' }), alert({ fingerprint: 'cafe' })),
    state(),
  );
  expect(answers.map(({ outcome }) => outcome)).toEqual(['requested', 'known', 'known']);
  expect(new Set(answers.map(({ requestId }) => requestId))).toEqual(new Set([request!.requestId]));
});

test('a request that nobody has finished answers every alert, whoever made it', () => {
  const open = { requestId: 'r', trigger: 'threshold', requestedAtMs: 0, isOpen: true };
  expect(ask(notification(alert()), state(open)).answers).toEqual([
    { fingerprint: 'c0ffee', outcome: 'known', requestId: 'r' },
  ]);
});

test.each([
  ['alertmanager', COOLDOWN - 1, 'cooling_down'],
  ['alertmanager', COOLDOWN, 'requested'],
  ['threshold', 1, 'requested'],
])('after a request by %s %d seconds ago: %s', (trigger, secondsAgo, outcome) => {
  const before = { requestId: 'r', trigger, requestedAtMs: NOW - 1000 * secondsAgo, isOpen: false };
  expect(ask(notification(alert()), state(before)).answers[0]).toMatchObject({ outcome });
});

test('what is resolved, or of another model, calls for nothing; without a model label it is ours', () => {
  const { answers, request } = ask(
    notification(alert({ status: 'resolved' }), alert({ labels: { model: 'letters' }, fingerprint: 'b' })),
    state(),
  );
  expect(answers.map(({ outcome }) => outcome)).toEqual(['resolved', 'other_model']);
  expect(request).toBeUndefined();
  expect(ask(notification(alert({ labels: {}, annotations: {} })), state()).request!.reason).toBe('an alert');
});

test.each([
  [{ version: '3' }],
  [{ groupKey: '' }],
  [{ alerts: [alert({ startsAt: 'yesterday' })] }],
  [{ alerts: [alert({ fingerprint: '' })] }],
  [{ alerts: [alert({ status: 'suppressed' })] }],
])('a body with %j is not a notification', (wrong) => {
  const body = { ...notification(alert()), ...wrong };
  expect(alertmanagerNotificationSchema.safeParse(body).success).toBe(false);
});
