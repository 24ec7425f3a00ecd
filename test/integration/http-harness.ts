import { AppError } from '../../src/domain/errors.ts';
import type { Running } from '../../src/domain/lifecycle.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import type { AlertmanagerNotification } from '../../src/protocols/alertmanager.ts';
import { createIngestTotals } from '../../src/ingest/totals.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import type { Metrics } from '../../src/http/metrics.ts';
import type { HttpDeps } from '../../src/http/routes.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import type { ActionRequest, AdversarialExample, StatusReport } from '../../src/http/status-port.ts';

export const clock = { now: 1_000_000, nowMs: () => clock.now };

export const metricsOptions = {
  model: 'tiny',
  norm: 'linf',
  sentinels: ['pgd-20', 'square-2000'],
  build: { version: '0.1.0', engine: 'wasm' },
};

export function reportOf(): StatusReport {
  const risk = { value: 0.1, lower: 0.05, upper: 0.2, n: 40, confidence: 0.99 };
  return {
    generatedAtMs: clock.now,
    startedAtMs: 0,
    build: { version: '0.1.0', engine: 'wasm' },
    model: { name: 'tiny', servedVersion: '3' },
    threatModel: { norm: 'linf', epsilon: 0.3, access: 'gradients' },
    verdict: {
      model: 'tiny',
      version: '3',
      kind: 'ok',
      sinceMs: 5,
      risk,
      recipe: 'pgd-20@12345678',
      limit: 0.5,
      evidence: {},
    },
    history: [],
    sentinels: [{ recipe: 'pgd-20@12345678', risk, binaryRisk: risk }],
    monitors: [],
    folds: 40,
    foldsInAll: 40,
    samplesSinceChange: 40,
    ingest: createIngestTotals(clock).status([], 0),
    probes: { enabled: true, broken: 4, held: 36, unprobeable: 0, expired: 0, waiting: 0, servedQueries: 80 },
    alarms: [],
    runs: [],
    versions: [],
  };
}

export const exampleOf = (): AdversarialExample => ({
  sampleId: 'a#0',
  recipe: 'pgd-20@12345678',
  version: '3',
  eventTimeMs: 5,
  predictionBefore: 1,
  predictionAfter: 2,
  distance: 0.25,
  shape: [2, 2, 1],
  range: [0, 1],
  original: Float32Array.of(0, 1, 0.5, 0),
  adversarial: Float32Array.of(0.25, 1, 0.25, 0),
});

/** Ports that remember what they were asked; each can be replaced. */
export interface Harness {
  readonly running: Running<HttpServer>;
  readonly metrics: Metrics;
  readonly acknowledged: ActionRequest[];
  readonly requested: ActionRequest[];
  readonly notified: AlertmanagerNotification[];
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[];
  readonly state: { tickMs: number | undefined; ready: boolean; statusCalls: number };
  get(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

export const TOKEN = 'correct horse';

export async function startHarness(deps: Partial<HttpDeps> = {}, port = 0): Promise<Harness> {
  const metrics = createMetrics({ ...metricsOptions, processMetrics: false });
  const acknowledged: ActionRequest[] = [];
  const requested: ActionRequest[] = [];
  const notified: AlertmanagerNotification[] = [];
  const logged: { level: string; message: string; fields: object }[] = [];
  const state: Harness['state'] = { tickMs: undefined, ready: true, statusCalls: 0 };
  const log = (level: string) => (fields: object, message: string) => logged.push({ level, message, fields });
  const running = await createHttpServer({
    host: '127.0.0.1',
    port,
    stopTimeoutMs: 200,
    deps: {
      metrics,
      status: {
        status() {
          state.statusCalls++;
          return Promise.resolve(reportOf());
        },
      },
      examples: { recentExamples: () => Promise.resolve([exampleOf()]) },
      actions: {
        acknowledge(request) {
          acknowledged.push(request);
          return Promise.resolve();
        },
        requestRun(request) {
          requested.push(request);
          return Promise.resolve({ requestId: 'run-1' });
        },
        answerAlerts(notification) {
          notified.push(notification);
          return Promise.resolve([{ fingerprint: 'c0ffee', outcome: 'requested' }]);
        },
      },
      health: {
        lastTickMs: () => state.tickMs,
        readiness: () =>
          state.ready ? { ready: true } : { ready: false, reason: 'the store does not answer' },
      },
      clock,
      logger: { ...silentLogger, info: log('info'), error: log('error') },
      token: TOKEN,
      ...deps,
    },
  });
  const get: Harness['get'] = (path, init) => fetch(`${running.value.url}${path}`, init);
  const post: Harness['post'] = (path, body, headers = { authorization: `Bearer ${TOKEN}` }) =>
    get(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { running, metrics, acknowledged, requested, notified, logged, state, get, post };
}

export const storeAway = (): AppError =>
  new AppError('TEMPER_STORE_UNREACHABLE', 'http://user:secret@store does not answer', { retryable: true });
