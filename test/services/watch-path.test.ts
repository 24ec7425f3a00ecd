import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_PLACES } from '../../dashboards/alerts/render.ts';
import { until } from '../../src/app/demo/wait.ts';
import { createReleaseStack } from '../../src/domain/lifecycle.ts';
import { degradationEventSchema } from '../../src/monitoring/degradation-event.ts';
import { verifyMessage } from '../../src/monitoring/delivery/signature.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import type { AlertmanagerNotification } from '../../src/protocols/alertmanager.ts';
import {
  createDeployment,
  MODEL,
  probingSection,
  streamSection,
  type Child,
  type Deployment,
} from '../support/deployment.ts';
import {
  prometheusTools,
  readRules,
  startAlertmanager,
  startPrometheus,
  type Alertmanager,
  type Prometheus,
} from '../support/prometheus.ts';
import { seedBaseline, streamLines } from '../support/sidecar-facts.ts';
import { shownPanels } from '../unit/dashboards/panels.ts';
import { promqlOf, shapeProblems, sqlOf, startReceiver, type Receiver } from './watch-harness.ts';

/**
 * The whole watch: a sidecar on real digits, a Prometheus that scrapes it, its rules, an Alertmanager, and people's
 * receivers. The tests are the acts of one play, in order: before, during and after a degradation.
 */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const TOKEN = 'a token of the watch';
const CALM = 24;
const WAIT_MS = 60_000;
const REQUESTS = 360;

const releases = createReleaseStack();
let deployment: Deployment;
let sidecar: Child;
let prometheus: Prometheus;
let alertmanager: Alertmanager;
/** Told by the sidecar itself, and told by Alertmanager. */
let pager: Receiver;
let oncall: Receiver;
let lines: string[];

/** Shorter than a test may take, so that what was missing is said. */
const wait = <T>(what: string, ask: () => Promise<T | undefined>): Promise<T> =>
  until(ask, { what, timeoutMs: WAIT_MS, everyMs: 100, ended: [sidecar.unexpectedEnd] });

beforeAll(async () => {
  const tools = prometheusTools();
  process.env['TEMPER_HTTP_TOKEN'] = TOKEN;
  process.env['TEMPER_WEBHOOK_SECRET'] = SECRET;
  pager = await startReceiver();
  releases.defer('pager', pager.stop);
  oncall = await startReceiver();
  releases.defer('oncall', oncall.stop);
  lines = await streamLines(REQUESTS);
  deployment = await createDeployment({
    model: digitsNetwork({ seed: 5, filters: [4, 4], hidden: 16 }),
    sections: {
      stream: streamSection(1, { commitIntervalMs: 20 }),
      probing: { ...probingSection(8), canaries: { everySamples: 5, count: 6 } },
      monitoring: {
        minimumFolds: 8,
        riskLimit: 0.99,
        links: {
          runbook: DEFAULT_PLACES.runbook,
          dashboard: `${DEFAULT_PLACES.grafana}/d/temper-robustness`,
        },
        alerts: {
          webhooks: [{ name: 'pager', url: pager.url, secret: { env: 'TEMPER_WEBHOOK_SECRET' } }],
          firstDelaySeconds: 0.2,
          longestDelaySeconds: 1,
        },
      },
      // Only Alertmanager asks for runs here.
      harden: { directory: 'runs', pollSeconds: 0.1, trigger: { onVerdict: [] } },
    },
    token: { env: 'TEMPER_HTTP_TOKEN' },
  });
  releases.defer('deployment', () => deployment.stop());
  await deployment.startServer();
  // Far better than the model is.
  await seedBaseline(deployment, 6, (i) => (i % 4 === 0 ? 1 : 0));
  await seedRuns();
  sidecar = deployment.startSidecar();
  alertmanager = await startAlertmanager({
    directory: join(deployment.directory, 'alertmanager'),
    tools,
    webhooks: [
      { url: oncall.url },
      { url: `${deployment.httpUrl}/api/v1/triggers/alertmanager`, token: TOKEN },
    ],
  });
  releases.defer('alertmanager', alertmanager.stop);
  prometheus = await startPrometheus({
    directory: join(deployment.directory, 'prometheus'),
    tools,
    target: new URL(deployment.httpUrl).host,
    rules: await readRules(),
    alertmanager: alertmanager.address,
  });
  releases.defer('prometheus', prometheus.stop);
}, 900_000);

afterAll(() => releases.release());

/** Two runs as workers leave them: one that was promoted, one that the gate refused. */
async function seedRuns(): Promise<void> {
  const { store } = deployment;
  const interval = { value: 0.9, lower: 0.85, upper: 0.94, n: 100, confidence: 0.95 };
  const measured = { cleanAccuracy: interval, worstCase: interval, heldOutAttacks: ['apgd-ce'] };
  const results = {
    training: {
      history: [0, 1, 2].map((epoch) => ({
        epoch,
        epsilon: 0.1 * epoch,
        loss: 1 / (epoch + 1),
        trainingAccuracy: 0.5,
        ...(epoch > 0 && { cleanAccuracy: 0.9, robustAccuracy: 0.4 }),
      })),
    },
    evaluation: { candidate: measured, champion: { ...measured, version: 1 } },
    gate: { passed: false, rules: [{ rule: 'robust_accuracy', passed: false, finding: 'too little' }] },
  };
  for (const [purpose, result] of Object.entries(results))
    await store.saveEvaluation({ model: MODEL, version: 'candidate', purpose, result });
  for (const [i, state] of (['promoted', 'refused'] as const).entries()) {
    const requestId = `seeded-${state}`;
    await store.saveRunRequest({
      requestId,
      model: MODEL,
      trigger: 'schedule',
      reason: 'seeded',
      requestedAtMs: Date.UTC(2026, 0, 4, i),
      frozenPositions: {},
    });
    const detail = { seconds: { collect: 1, train: 60 }, reason: 'too little robust accuracy' };
    await store.saveRun({
      requestId,
      runId: requestId,
      model: MODEL,
      state,
      stage: 'gate',
      detail,
      fence: i + 1,
    });
  }
  await store.savePromotion({
    model: MODEL,
    version: 1,
    action: 'promote',
    ledgerSeq: 1,
    ledgerHash: 'ab'.repeat(32),
    fence: 1,
  });
}

const append = (from: number, to: number): Promise<void> =>
  appendFile(deployment.streamPath, `${lines.slice(from, to).join('\n')}\n`);

const verdictIs = async (verdict: string): Promise<true | undefined> => {
  const series = await prometheus.query(`temper_verdict{verdict="${verdict}"} == 1`);
  return series.length > 0 ? true : undefined;
};

/** Every PromQL target of every panel, with what is wrong with its answer. */
async function panelProblems(): Promise<Record<string, string[]>> {
  const problems: Record<string, string[]> = {};
  for (const { name, panel } of shownPanels())
    for (const target of panel.targets ?? []) {
      if (target.expr === undefined) continue;
      const seconds = target.instant === true ? {} : { seconds: 15 };
      const series = await prometheus.query(promqlOf(target.expr), seconds);
      const found = shapeProblems(target, series, panel.fieldConfig!.defaults!.unit!);
      if (found.length > 0) problems[`${name} ${target.refId}`] = found;
    }
  return problems;
}

/** Panels of one condition: empty while it does not hold. The latency needs the load guard to have judged. */
const CAUSE = 'robustness: Cause A';
const OPEN_REQUEST = 'harden: Oldest open request A';
const LATENCY = 'sidecar-health: Latency of the served model A';
const ORPHANED = 'sidecar-health: Records without a sample A';

test('before: the verdict is ok, and every panel shows something', async () => {
  // Rates need a scrape from before.
  await wait('the first scrape', async () => {
    const scraped = await prometheus.query('temper_build_info');
    return scraped.length > 0 ? true : undefined;
  });
  await append(0, CALM);
  await wait('the calm to be folded', async () => await verdictIs('ok'));
  // So that rates have two scrapes to go by.
  await wait('a scrape of rates', async () => {
    const problems = await panelProblems();
    const known = [CAUSE, OPEN_REQUEST, ORPHANED, LATENCY];
    const others = Object.entries(problems).filter(([name]) => !known.includes(name));
    if (others.length > 0) throw new Error(JSON.stringify(others));
    return true;
  });
  const firing = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
  // Of the run that was there before; it is no reason for another.
  expect(new Set(firing.map(({ labels }) => labels['alertname']))).toEqual(new Set(['TemperGateRefused']));
}, 200_000);

test('during: the alert names model, cause, since when, risk with interval against limit, and links that exist', async () => {
  await append(CALM, lines.length);
  await wait('the degradation', async () => await verdictIs('degraded'));
  const notification = await wait('the alert at the receiver', () =>
    Promise.resolve(
      oncall.taken
        .map(({ body }) => JSON.parse(body) as AlertmanagerNotification)
        .find(({ alerts }) => alerts[0]?.labels['alertname'] === 'TemperInputsDrifted'),
    ),
  );
  const { labels, annotations, status } = notification.alerts[0]!;
  expect(status).toBe('firing');
  expect(labels).toMatchObject({ model: MODEL, cause: 'inputs_drifted', severity: 'warning', job: 'temper' });
  expect(annotations['description']).toMatch(
    /^Model digits: .* \(cause inputs_drifted\)\. Since 2026-01-05 08:\d\d:\d\d.* UTC\. Risk [\d.]+% under bim-20 \([\d.]+% to [\d.]+%\), baseline at most [\d.]+%, limit 99%\.$/,
  );
  expect(annotations['runbook_url']).toBe(`${DEFAULT_PLACES.runbook}#alert-name-temperinputsdrifted`);
  expect(annotations['dashboard_url']).toBe(`${DEFAULT_PLACES.grafana}/d/temper-robustness`);
}, 200_000);

test("during: Alertmanager's repetitions ask for one run", async () => {
  const requested = async () =>
    (await deployment.store.listRuns(MODEL)).filter(({ request }) => request.trigger === 'alertmanager');
  await wait('the run request', async () => ((await requested()).length > 0 ? true : undefined));
  const repeated = (): number =>
    oncall.taken.filter(({ body }) => body.includes('TemperInputsDrifted')).length;
  const seen = repeated();
  await wait('two repetitions', () => Promise.resolve(repeated() >= seen + 2 ? true : undefined));
  const runs = await requested();
  expect(runs).toHaveLength(1);
  expect(runs[0]!.request.reason).toContain('TemperInputsDrifted');
}, 200_000);

test('during: every panel shows something', async () => {
  await wait('every panel', async () => {
    const problems = Object.entries(await panelProblems()).filter(([name]) => name !== LATENCY);
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    return true;
  });
}, 200_000);

test("every panel's SQL gives rows on ClickHouse's engine", async () => {
  const empty: string[] = [];
  for (const { name, panel } of shownPanels())
    for (const { rawSql, format } of panel.targets ?? []) {
      if (rawSql === undefined) continue;
      for (const model of [MODEL, '.+', 'another']) {
        const sql = sqlOf(rawSql, { database: 'temper_test', model });
        const rows = await deployment.store.connection.query('panel', sql);
        if (rows.length === 0 && model !== 'another') empty.push(name);
        if (model === 'another') expect([name, rows]).toEqual([name, []]);
        // Grafana makes lines of a time column with numbers beside it.
        if (format === 0)
          for (const row of rows) expect(row).toMatchObject({ time: expect.any(String) as string });
      }
    }
  expect(empty).toEqual([]);
}, 200_000);

test('the sidecar tells its own receiver once, signed, also across a kill', async () => {
  const firing = await wait('the degradation event', () => Promise.resolve(pager.taken[0]));
  const event = degradationEventSchema.parse(JSON.parse(firing.body));
  expect(event).toMatchObject({
    status: 'firing',
    cause: 'inputs_drifted',
    model: { name: MODEL, version: '1' },
  });
  expect(event.links).toEqual({
    runbook: `${DEFAULT_PLACES.runbook}#alert-name-temperinputsdrifted`,
    dashboard: `${DEFAULT_PLACES.grafana}/d/temper-robustness`,
  });
  const header = (name: string): string => String(firing.headers[name]);
  const parts = {
    id: header('webhook-id'),
    timestamp: Number(header('webhook-timestamp')),
    body: firing.body,
  };
  const given = { signature: header('webhook-signature'), nowSeconds: Date.now() / 1000 };
  expect(verifyMessage(SECRET, parts, given)).toBe(true);
  expect(parts.id).toBe(`${event.id}.firing`);

  // Resolved while nobody takes it, killed, and started again: it arrives, and nothing arrives twice.
  pager.answer(503);
  const acknowledged = await fetch(`${deployment.httpUrl}/api/v1/acknowledge`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ actor: 'on call', reason: 'the inputs are here to stay' }),
  });
  expect(acknowledged.status).toBe(202);
  const before = pager.attempts.length;
  await wait('an attempt', () => Promise.resolve(pager.attempts.length > before ? true : undefined));
  await sidecar.end('SIGKILL');
  pager.answer(200);
  sidecar = deployment.startSidecar();
  const ids = (): string[] => pager.taken.map(({ headers }) => String(headers['webhook-id']));
  await wait('the resolution', () =>
    Promise.resolve(ids().includes(`${event.id}.resolved`) ? true : undefined),
  );
  const { alarms } = await wait('the status', () => deployment.status());
  await wait('every resolution', () => Promise.resolve(ids().length >= 2 * alarms.length ? true : undefined));
  expect([...ids()].sort()).toEqual(alarms.flatMap(({ id }) => [`${id}.firing`, `${id}.resolved`]).sort());
}, 200_000);

test('after: the alert resolves, and every panel still shows something', async () => {
  await wait('the verdict', async () => await verdictIs('ok'));
  await wait('the resolution at the receiver', () =>
    Promise.resolve(
      oncall.taken
        .map(({ body }) => JSON.parse(body) as AlertmanagerNotification)
        .some(
          ({ status, alerts }) => status === 'resolved' && alerts[0]!.labels['cause'] === 'inputs_drifted',
        )
        ? true
        : undefined,
    ),
  );
  await append(0, 20);
  await wait('every panel but the cause', async () => {
    const problems = Object.keys(await panelProblems()).filter((name) => name !== CAUSE && name !== LATENCY);
    // Nothing new is sampled from what was sent before, so rates of probes have no attempts to be a share of.
    const shares = ['robustness: Clean and robust accuracy B', 'robustness: Inputs broken, by recipe A'];
    const times = [
      'sidecar-health: Time of a batch of probes A',
      'sidecar-health: Time of a batch of probes B',
    ];
    const others = problems.filter((name) => ![...shares, ...times].includes(name));
    if (others.length > 0) throw new Error(others.join('; '));
    return true;
  });
}, 200_000);

test('/metrics answers within 20 ms and has under 300 series', async () => {
  const times: number[] = [];
  let text = '';
  for (let i = 0; i < 10; i++) {
    const startedAt = performance.now();
    text = await (await fetch(`${deployment.httpUrl}/metrics`)).text();
    times.push(performance.now() - startedAt);
  }
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  process.stdout.write(`  /metrics: ${series} series, quickest of 10 ${Math.min(...times).toFixed(1)} ms\n`);
  expect(series).toBeLessThan(300);
  expect(Math.min(...times)).toBeLessThan(20);
});
