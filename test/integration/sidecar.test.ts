import { spawnSync } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trafficLines } from '../../src/app/demo/traffic.ts';
import { loadData } from '../../src/data/dataset.ts';
import { DEAD_LETTER_REASONS } from '../../src/ingest/events.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import {
  createDeployment,
  MAIN,
  MODEL,
  streamSection,
  type Child,
  type Deployment,
} from '../support/deployment.ts';

const TIME = '2026-01-05T08:00:00Z';
const GOOD = 60;
const LINE_BYTES = 64 * 1024;

/** One input of the model's shape, every pixel `value`, with one pixel replaced by a JSON token. */
function image(token?: string): string {
  const rows = Array.from({ length: 28 }, (_, row) =>
    Array.from({ length: 28 }, (__, column) =>
      token !== undefined && row === 4 && column === 7 ? `[${token}]` : '[0.5]',
    ).join(','),
  );
  return `[${rows.map((row) => `[${row}]`).join(',')}]`;
}

const request = (id: string, input: string, more = ''): string =>
  `{"id":"${id}","time":"${TIME}",${more}"instances":[${input}]}`;

/** Every way in which a line can be wrong, with the place and the rule that its dead letter names. */
const DEAD: readonly { reason: (typeof DEAD_LETTER_REASONS)[number]; line: string; detail: string }[] = [
  {
    reason: 'malformed_json',
    line: `{"id":"bad-json","time":"${TIME}","instances":[[[`,
    detail: 'record: ',
  },
  {
    reason: 'unrecognised_event',
    line: `{"id":"bad-kind","time":"${TIME}"}`,
    detail: 'event: expected instances',
  },
  { reason: 'missing_id', line: `{"time":"${TIME}","label":3}`, detail: 'id: expected a text or a number' },
  {
    reason: 'bad_id',
    line: `{"id":{"a":1},"time":"${TIME}","label":3}`,
    detail: 'id: expected a text of 1 to 512',
  },
  {
    reason: 'bad_time',
    line: `{"id":"bad-time","time":"yesterday","label":3}`,
    detail: 'time: expected an RFC 3339',
  },
  {
    reason: 'bad_label',
    line: `{"id":"bad-label","time":"${TIME}","label":10}`,
    detail: 'label: expected a class, 0 to 9, got 10',
  },
  { reason: 'wrong_shape', line: request('bad-shape', '[[0.5,0.5]]'), detail: 'instances[0]: expected' },
  {
    reason: 'not_a_number',
    line: request('bad-text', image('"x"')),
    detail: 'instances[0][4][7][0]: expected a number, got "x"',
  },
  {
    reason: 'not_finite',
    line: request('bad-nan', image('NaN')),
    detail: 'instances[0][4][7][0]: expected a finite number, got NaN',
  },
  {
    reason: 'out_of_range',
    line: request('bad-pixel', image('1.7')),
    detail: 'instances[0][4][7][0]: expected',
  },
  {
    reason: 'line_too_long',
    line: request('bad-length', image(), `"padding":"${'x'.repeat(LINE_BYTES)}",`),
    detail: 'line: expected a line within the limit',
  },
];

/** Reasons of the formats in which model servers log; these lines are plain events. */
const OF_OTHER_FORMATS = new Set<string>(['malformed_body', 'body_too_large', 'bad_prediction']);

/** Lines that are understood and dropped, and a request without an id, which takes its position as one. */
const DROPPED = [request('other', image(), '"model":"another",'), ''];
const ANONYMOUS = `{"time":"${TIME}","instances":[${image()}]}`;

let deployment: Deployment;
let sidecar: Child;
let lines: string[];

beforeAll(async () => {
  deployment = await createDeployment({
    model: digitsNetwork({ seed: 5, filters: [4, 4], hidden: 16 }),
    sections: { stream: streamSection(1, { lineBytes: LINE_BYTES }) },
  });
  const traffic = {
    data: await loadData('mnist:stream-1'),
    from: 0,
    to: GOOD,
    prefix: 'good',
    startMs: Date.parse(TIME),
    stepMs: 1000,
    labelDelay: 10,
    model: MODEL,
  };
  lines = trafficLines(traffic);
  // Bad lines between good ones: none of them may take its neighbours along.
  [...DEAD.map(({ line }) => line), ...DROPPED, ANONYMOUS].forEach((line, i) =>
    lines.splice(1 + 5 * i, 0, line),
  );
  await deployment.startServer();
  sidecar = deployment.startSidecar();
  const half = Math.floor(lines.length / 2);
  await appendFile(deployment.streamPath, `${lines.slice(0, half).join('\n')}\n`);
  await deployment.wait(
    'the first sample',
    async () => ((await deployment.status()).foldsInAll > 0 ? true : undefined),
    [sidecar],
  );
  await appendFile(deployment.streamPath, `${lines.slice(half).join('\n')}\n`);
  await deployment.wait(
    'every sample to be folded',
    async () => ((await deployment.status()).foldsInAll === GOOD + 1 ? true : undefined),
    [sidecar],
  );
}, 120_000);

afterAll(() => deployment.stop());

test('every line is accounted for, and every sample is probed and folded once', async () => {
  const counts = await deployment.store.countEverything(MODEL);
  expect(counts).toMatchObject({
    events: lines.length,
    samples: GOOD + 1,
    probes: { done: GOOD + 1 },
    deadLetters: DEAD.length,
    outcomes: {
      sampled: GOOD + 1,
      label: GOOD,
      response: 0,
      skipped: 0,
      dropped: DROPPED.length,
      dead_letter: DEAD.length,
    },
  });
  const log = await deployment.store.readFoldLog(MODEL, 1, 10_000);
  const folded = log
    .filter(({ kind }) => kind === 'observation')
    .map(({ payload }) => (JSON.parse(payload) as { eventId: string }).eventId);
  expect(new Set(folded).size).toBe(GOOD + 1);
  expect(folded).toHaveLength(GOOD + 1);
});

test('a bad line is a dead letter that names place and rule, with its bytes', async () => {
  const rows = await deployment.store.connection.query(
    'test_dead_letters',
    'SELECT offset, reason, detail, value FROM dead_letters FINAL ORDER BY offset',
  );
  const letters = new Map(rows.map((row) => [row['reason'] as string, row]));
  const expected = DEAD_LETTER_REASONS.filter((reason) => !OF_OTHER_FORMATS.has(reason));
  expect([...letters.keys()].sort()).toEqual([...expected].sort());
  for (const { reason, line, detail } of DEAD) {
    const letter = letters.get(reason)!;
    expect(letter['offset']).toBe(lines.indexOf(line));
    expect(letter['detail']).toContain(detail);
    const kept = Buffer.from(letter['value'] as string, 'base64').toString();
    expect(line.startsWith(kept)).toBe(true);
    if (reason !== 'line_too_long') expect(kept).toBe(line);
  }
});

test('status, metrics, health and page say the same', async () => {
  const status = await deployment.status();
  expect(status).toMatchObject({
    model: { name: MODEL, servedVersion: '1' },
    build: { engine: 'wasm' },
    foldsInAll: GOOD + 1,
    ingest: {
      reasons: {
        ...Object.fromEntries(DEAD.map(({ reason }) => [reason, 1])),
        unknown_model: 1,
        empty_record: 1,
      },
    },
    probes: { unprobeable: 0, expired: 0, waiting: 0 },
  });
  expect(status.probes.broken + status.probes.held).toBe(GOOD + 1);
  expect(status.sentinels[0]!.risk.n).toBe(GOOD + 1);
  const metrics = await (await fetch(`${deployment.httpUrl}/metrics`)).text();
  for (const { reason } of DEAD)
    expect(metrics).toMatch(new RegExp(`temper_rejected_events_total\\{.*reason="${reason}".*\\} 1\\n`));
  expect(metrics).toMatch(/temper_rejected_events_total\{.*reason="unknown_model".*\} 1\n/);
  expect(metrics).toMatch(new RegExp(`temper_events_total\\{.*outcome="sampled".*\\} ${GOOD + 1}\\n`));
  expect(metrics).toMatch(/temper_robust_risk_ratio\{.*recipe="bim-20".*\} \d/);
  expect(metrics).toMatch(/temper_ingest_lag_events 0\n/);
  expect(metrics).toMatch(
    new RegExp(`temper_served_queries_total\\{.*\\} ${status.probes.servedQueries}\\n`),
  );
  for (const path of ['/healthz', '/readyz', '/'])
    expect((await fetch(`${deployment.httpUrl}${path}`)).status).toBe(200);
});

test('a producer that sends its requests again, more of them than a slot holds, does not stop the sidecar', async () => {
  const [first, ...others] = lines.filter(
    (line) => line.includes('"id":"good-') && line.includes('"instances"'),
  );
  const fresh = first!.replace(/"id":"[^"]*"/, '"id":"good-fresh"');
  await appendFile(deployment.streamPath, `${[first, ...others, fresh].join('\n')}\n`);
  await deployment.wait(
    'the fresh request to be folded',
    async () => ((await deployment.status()).foldsInAll === GOOD + 2 ? true : undefined),
    [sidecar],
  );
  expect(others.length).toBeGreaterThan(40);
  expect((await deployment.status()).sentinels[0]!.risk.n).toBe(GOOD + 2);
});

test('a configuration with five mistakes prints five lines, each with its place, and ends with 2', async () => {
  const path = join(deployment.directory, 'wrong.yaml');
  await writeFile(
    path,
    [
      'model: { name: digits, inputShape: [28, 28, 1], classes: 1 }',
      'threatModel: { norm: l7, epsilon: -0.3 }',
      'stream:',
      '  files: [{ path: requests.jsonl }]',
      '  sampling: { rate: 1.5, key: { env: TEMPER_SAMPLING_KEY } }',
      'served: { url: "http://localhost:8501" }',
      'probbing: { acknowledgeProbeTraffic: true }',
      '',
    ].join('\n'),
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'sidecar', '--config', path], {
    encoding: 'utf8',
    env: deployment.env,
  });
  expect(status).toBe(2);
  expect(stdout).toBe('');
  const mistakes = stderr.split('\n').filter((line) => /wrong\.yaml:\d+:\d+/.test(line));
  expect(mistakes).toHaveLength(5);
  for (const place of [
    'model.classes',
    'threatModel.norm',
    'threatModel.epsilon',
    'stream.sampling.rate',
    'probbing',
  ])
    expect(mistakes.filter((line) => line.includes(place))).toHaveLength(1);
});

test('SIGTERM ends it in order', async () => {
  expect(await sidecar.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await sidecar.log()).not.toContain('"level":"error"');
});
