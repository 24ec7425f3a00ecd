import { randomUUID } from 'node:crypto';

import express from 'express';
import type { Express, Response } from 'express';
import helmet from 'helmet';
import { z } from 'zod';

import type { Clock } from '../domain/clock.ts';
import type { Logger } from '../domain/logger.ts';
import { alertmanagerNotificationSchema, type AlertmanagerNotification } from '../protocols/alertmanager.ts';
import { requireBearer } from './bearer.ts';
import { createCached } from './cached.ts';
import type { Metrics } from './metrics.ts';
import { loadStatusPage } from './page.ts';
import { pictureExample } from './picture.ts';
import { createErrorHandler, HttpProblem, notFound } from './problem.ts';
import type { ActionRequest, ActionsPort, ExamplesPort, HealthPort, StatusPort } from './status-port.ts';

/** What the server shows and sets off. */
export interface HttpDeps {
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly status: StatusPort;
  /** Absent: examples are not shown, because they are production inputs. */
  readonly examples?: ExamplesPort | undefined;
  readonly actions: ActionsPort;
  readonly health: HealthPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bearer token of requests that change something; without it they are refused. */
  readonly token?: string | undefined;
  /** The process counts as stuck when its loop was silent for so long, ms. Default 30,000. */
  readonly staleAfterMs?: number;
}

const METRICS_TTL_MS = 1000;
const STATUS_TTL_MS = 500;
const EXAMPLES_TTL_MS = 5000;
const EXAMPLES_SHOWN = 12;
const BODY_LIMIT = '16kb';
/** A group of many alerts, each with its labels and annotations. */
const NOTIFICATION_LIMIT = '1mb';

/** The application without its socket. `isDraining` makes it not ready. */
export function createApp(deps: HttpDeps, isDraining: () => boolean): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const page = loadStatusPage();
  app.use((_request, response, next) => {
    response.locals['requestId'] = randomUUID();
    response.setHeader('X-Request-Id', response.locals['requestId'] as string);
    response.setHeader('Cache-Control', 'no-store');
    if (isDraining()) response.setHeader('Connection', 'close');
    next();
  });
  // Plain HTTP: promising HTTPS for the whole host would lock people out of their other services on it.
  const contentSecurityPolicy = { useDefaults: false, directives: mutable(page.directives) };
  app.use(helmet({ contentSecurityPolicy, strictTransportSecurity: false }));
  app.get('/', (_request, response) => {
    response.type('html').send(page.html);
  });
  addMetrics(app, deps);
  addHealth(app, deps, isDraining);
  addStatus(app, deps);
  addActions(app, deps);
  app.use(notFound);
  app.use(createErrorHandler(deps.logger));
  return app;
}

function addMetrics(app: Express, { metrics, clock }: HttpDeps): void {
  const text = createCached(() => metrics.registry.metrics(), { ttlMs: METRICS_TTL_MS, clock });
  app.get('/metrics', async (_request, response) => {
    response.setHeader('Content-Type', metrics.registry.contentType);
    response.send(await text());
  });
}

function addHealth(app: Express, deps: HttpDeps, isDraining: () => boolean): void {
  const { health, clock, staleAfterMs = 30_000 } = deps;
  const startedAtMs = clock.nowMs();
  app.get('/healthz', (_request, response) => {
    const silentMs = clock.nowMs() - (health.lastTickMs() ?? startedAtMs);
    const isStale = silentMs > staleAfterMs;
    response.status(isStale ? 503 : 200);
    response.json({ status: isStale ? 'stale' : 'ok', silentSeconds: Math.max(0, silentMs) / 1000 });
  });
  app.get('/readyz', (_request, response) => {
    const state = isDraining() ? { ready: false, reason: 'shutting down' } : health.readiness();
    response.status(state.ready ? 200 : 503).json(state);
  });
}

function addStatus(app: Express, { status, examples, clock }: HttpDeps): void {
  const report = createCached(() => status.status(), { ttlMs: STATUS_TTL_MS, clock });
  app.get('/api/v1/status', async (_request, response) => {
    response.json(await report());
  });
  const recent = createCached(
    async () => ((await examples?.recentExamples(EXAMPLES_SHOWN)) ?? []).map(pictureExample),
    { ttlMs: EXAMPLES_TTL_MS, clock },
  );
  app.get('/api/v1/examples', async (_request, response) => {
    response.json({ shown: examples !== undefined, examples: await recent() });
  });
}

const actionSchema = z.strictObject({
  actor: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2000),
});

function addActions(app: Express, { actions, logger, token }: HttpDeps): void {
  const guards = [requireBearer(token), express.json({ limit: BODY_LIMIT })];
  app.post('/api/v1/acknowledge', guards, async (request: { body: unknown }, response: Response) => {
    await actions.acknowledge(readAction(request.body));
    logger.info({ requestId: response.locals['requestId'] as string }, 'verdict_acknowledged');
    response.status(202).json({ acknowledged: true });
  });
  const notificationGuards = [requireBearer(token), express.json({ limit: NOTIFICATION_LIMIT })];
  app.post(
    '/api/v1/triggers/alertmanager',
    notificationGuards,
    async (request: { body: unknown }, response: Response) => {
      const answers = await actions.answerAlerts(readNotification(request.body));
      logger.info({ requestId: response.locals['requestId'] as string, answers }, 'alerts_answered');
      response.status(200).json({ answers });
    },
  );
  app.post('/api/v1/run-requests', guards, async (request: { body: unknown }, response: Response) => {
    const { requestId } = await actions.requestRun(readAction(request.body));
    logger.info({ requestId: response.locals['requestId'] as string, run: requestId }, 'run_requested');
    response.status(202).json({ requestId });
  });
}

/** The message is fixed, so that nothing that was sent comes back. */
function readAction(body: unknown): ActionRequest {
  const parsed = actionSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new HttpProblem(
    'bad_request',
    'expected a JSON body {"actor": who asks, 1 to 200 characters, "reason": why, 1 to 2,000 characters}',
  );
}

/** Alertmanager logs the answer, and sends again what was not answered by 2xx. */
function readNotification(body: unknown): AlertmanagerNotification {
  const parsed = alertmanagerNotificationSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new HttpProblem('bad_request', "expected the body of Alertmanager's webhook, version 4");
}

/** helmet takes mutable lists. */
function mutable(directives: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(directives).map(([name, sources]) => [name, [...sources]]));
}
