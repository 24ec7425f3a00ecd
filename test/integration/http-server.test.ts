import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Script } from 'node:vm';

import { AppError } from '../../src/domain/errors.ts';
import { clock, reportOf, startHarness, storeAway, TOKEN } from './http-harness.ts';
import type { Harness } from './http-harness.ts';

const harnesses: Harness[] = [];

async function start(...args: Parameters<typeof startHarness>): Promise<Harness> {
  const harness = await startHarness(...args);
  harnesses.push(harness);
  return harness;
}

afterEach(async () => {
  await Promise.all(harnesses.splice(0).map(({ running }) => running.stop()));
  clock.now = 1_000_000;
});

const problemOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string; requestId: string } }).error;

describe('what it shows', () => {
  test('metrics as Prometheus text, made at most once a second', async () => {
    const { get, metrics } = await start();
    const first = await get('/metrics');
    expect(first.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await first.text()).toContain('temper_served_queries_total{model="tiny"} 0');
    metrics.countServed({ queries: 3, requests: 1, failures: 0 });
    expect(await (await get('/metrics')).text()).toContain('temper_served_queries_total{model="tiny"} 0');
    clock.now += 1000;
    expect(await (await get('/metrics')).text()).toContain('temper_served_queries_total{model="tiny"} 3');
  });

  test('the status, asked for once however many look', async () => {
    const { get, state } = await start();
    const answers = await Promise.all(Array.from({ length: 10 }, () => get('/api/v1/status')));
    expect(await answers[0]!.json()).toEqual(JSON.parse(JSON.stringify(reportOf())));
    expect(answers[0]!.headers.get('cache-control')).toBe('no-store');
    expect(state.statusCalls).toBe(1);
  });

  test('examples with pictures', async () => {
    const { get } = await start();
    const { shown, examples } = (await (await get('/api/v1/examples')).json()) as {
      shown: boolean;
      examples: Record<string, unknown>[];
    };
    expect(shown).toBe(true);
    expect(examples[0]).toMatchObject({ sampleId: 'a#0', predictionAfter: 2, distance: 0.25 });
    expect(examples[0]).not.toHaveProperty('original');
    expect(examples[0]!['pictures']).toMatchObject({
      original: expect.stringMatching(/^data:image\/png;base64,iVBOR/) as string,
    });
  });

  test('no examples when they are not to be shown', async () => {
    const { get } = await start({ examples: undefined });
    expect(await (await get('/api/v1/examples')).json()).toEqual({ shown: false, examples: [] });
  });

  test('a page that needs nothing from elsewhere and runs only its own scripts', async () => {
    const { get } = await start();
    const response = await get('/');
    const html = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map((match) => match[1]!);
    expect(scripts.length).toBeGreaterThan(3);
    for (const content of [...scripts, /<style>([^]*?)<\/style>/.exec(html)![1]!])
      expect(policy).toContain(createHash('sha256').update(content).digest('base64'));
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/\sstyle="|\son\w+="|innerHTML|data-part/);
    for (const script of scripts) expect(() => new Script(script)).not.toThrow();
  });

  test('hardened headers, and no promise of HTTPS', async () => {
    const { headers } = await (await start()).get('/');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('health', () => {
  test('alive while the loop ticked lately, also before its first tick', async () => {
    const { get, state } = await start();
    expect((await get('/healthz')).status).toBe(200);
    clock.now += 30_001;
    expect(await (await get('/healthz')).json()).toEqual({ status: 'stale', silentSeconds: 30.001 });
    state.tickMs = clock.now - 1000;
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok', silentSeconds: 1 });
    clock.now += 30_000;
    expect((await get('/healthz')).status).toBe(503);
  });

  test('ready as the program says, and not while shutting down', async () => {
    const { get, state, running } = await start();
    expect((await get('/readyz')).status).toBe(200);
    state.ready = false;
    const response = await get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, reason: 'the store does not answer' });
    state.ready = true;
    running.value.drain();
    const draining = await get('/readyz');
    expect(await draining.json()).toEqual({ ready: false, reason: 'shutting down' });
    expect(draining.headers.get('connection')).toBe('close');
    expect((await get('/healthz')).status).toBe(200);
  });
});

describe('what it sets off', () => {
  const action = { actor: 'on call', reason: 'known cause' };

  test('an acknowledgement and a run request, with the token', async () => {
    const { post, acknowledged, requested, logged } = await start();
    const first = await post('/api/v1/acknowledge', action);
    expect([first.status, await first.json()]).toEqual([202, { acknowledged: true }]);
    const second = await post('/api/v1/run-requests', { actor: ' me ', reason: 'try it' });
    expect([second.status, await second.json()]).toEqual([202, { requestId: 'run-1' }]);
    expect(acknowledged).toEqual([action]);
    expect(requested).toEqual([{ actor: 'me', reason: 'try it' }]);
    expect(logged.map(({ message }) => message)).toEqual(['verdict_acknowledged', 'run_requested']);
  });

  test.each([
    ['no token', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
    ['nothing behind the scheme', { authorization: 'Bearer ' }],
  ])('nothing with %s', async (_, headers: Record<string, string>) => {
    const { post, acknowledged } = await start({ token: 'correct-horse' });
    const response = await post('/api/v1/acknowledge', action, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await problemOf(response)).toMatchObject({ code: 'unauthorized' });
    expect(acknowledged).toEqual([]);
  });

  test.each([undefined, ''])('nothing at all when the configured token is %p', async (token) => {
    const { post, requested } = await start({ token });
    const response = await post('/api/v1/run-requests', action, { authorization: 'Bearer ' });
    expect(response.status).toBe(403);
    expect((await problemOf(response)).message).toContain('set http.token');
    expect(requested).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['no reason', { actor: 'me' }],
    ['an empty reason', { actor: 'me', reason: '  ' }],
    ['an unknown key', { ...action, force: true }],
    ['a long actor', { ...action, actor: 'x'.repeat(201) }],
    ['a list', [action]],
    ['what is not JSON', '{"actor":"<b>SECRET'],
    ['a bare word', '"SECRET"'],
  ])('nothing with %s, and nothing of it comes back', async (_, body) => {
    const { post, acknowledged } = await start();
    const response = await post('/api/v1/acknowledge', body);
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'bad_request' } });
    expect(text).not.toMatch(/SECRET|force|xxx/);
    expect(acknowledged).toEqual([]);
  });

  test('nothing with a body that is too large or of another type', async () => {
    const { post, get, acknowledged } = await start();
    expect((await post('/api/v1/acknowledge', { actor: 'me', reason: 'x'.repeat(20_000) })).status).toBe(413);
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'text/plain' };
    expect((await get('/api/v1/acknowledge', { method: 'POST', headers, body: '{}' })).status).toBe(400);
    expect(acknowledged).toEqual([]);
  });
});

describe("Alertmanager's webhook", () => {
  const path = '/api/v1/triggers/alertmanager';
  const notification = {
    version: '4',
    groupKey: 'g',
    status: 'firing',
    alerts: [
      { status: 'firing', labels: {}, annotations: {}, startsAt: '2026-01-05T08:00:00Z', fingerprint: 'f' },
    ],
  };

  test('is answered with what became of each alert', async () => {
    const { post, notified } = await start();
    const response = await post(path, notification);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ answers: [{ fingerprint: 'c0ffee', outcome: 'requested' }] });
    expect(notified).toEqual([notification]);
  });

  test('may be large, needs the token, and has to be one', async () => {
    const { post, notified } = await start();
    const many = Array.from({ length: 500 }, () => notification.alerts[0]);
    expect((await post(path, { ...notification, alerts: many })).status).toBe(200);
    expect((await post(path, notification, {})).status).toBe(401);
    expect((await post(path, { ...notification, version: '3' })).status).toBe(400);
    expect(notified).toHaveLength(1);
  });
});

describe('errors', () => {
  test.each([
    ['GET', '/nothing-here?SECRET'],
    ['GET', '/api/v1/acknowledge'],
    ['DELETE', '/api/v1/status'],
    ['POST', '/metrics'],
  ])('%s %s is not there', async (method, path) => {
    const { get } = await start();
    const response = await get(path, { method });
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('SECRET');
  });

  test('a malformed path is a bad request', async () => {
    const { running } = await start();
    const status = await new Promise((resolve) => {
      httpRequest(`${running.value.url}/%zz`, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect([400, 404]).toContain(status);
  });

  test.each<[string, Error, number, string]>([
    ['away for now', storeAway(), 503, 'TEMPER_STORE_UNREACHABLE'],
    [
      'refused by policy',
      new AppError('TEMPER_POLICY_REFUSED', 'the policy says no'),
      409,
      'TEMPER_POLICY_REFUSED',
    ],
    ['broken', new AppError('TEMPER_FOLD_LOG_BROKEN', 'SECRET detail'), 500, 'TEMPER_FOLD_LOG_BROKEN'],
    ['unforeseen', new TypeError('SECRET detail'), 500, 'internal'],
  ])('%s: status, code and a request id that the log has too', async (_, error, status, code) => {
    const { get, post, logged } = await start({
      status: { status: () => Promise.reject(error) },
      actions: {
        acknowledge: () => Promise.reject(error),
        requestRun: () => Promise.reject(error),
        answerAlerts: () => Promise.reject(error),
      },
    });
    for (const response of [
      await get('/api/v1/status'),
      await post('/api/v1/acknowledge', { actor: 'a', reason: 'b' }),
    ]) {
      expect(response.status).toBe(status);
      const problem = await problemOf(response);
      expect(problem.code).toBe(code);
      expect(problem.message).not.toMatch(/secret/i);
      expect(problem.requestId).toBe(response.headers.get('x-request-id'));
      const entries = logged.filter(({ level }) => level === 'error').map(({ fields }) => fields);
      if (status >= 500) expect(entries).toContainEqual({ err: error, requestId: problem.requestId });
      else expect(problem.message).toBe('the policy says no');
    }
  });

  test('a failure is not remembered', async () => {
    let calls = 0;
    const { get } = await start({
      status: { status: () => (++calls === 1 ? Promise.reject(storeAway()) : Promise.resolve(reportOf())) },
    });
    expect((await get('/api/v1/status')).status).toBe(503);
    expect((await get('/api/v1/status')).status).toBe(200);
  });
});

describe('life', () => {
  test('a port in use is a configuration error that names it', async () => {
    const { running } = await start();
    await expect(start({}, running.value.port)).rejects.toMatchObject({
      code: 'TEMPER_CONFIG_INVALID',
      message: expect.stringContaining(`port ${running.value.port}, got: another process uses it`) as string,
    });
  });

  test('stop lets a request finish, refuses new ones, and may be called twice', async () => {
    const asked = deferred();
    const answered = deferred();
    const status = async () => {
      asked.resolve();
      await answered.promise;
      return reportOf();
    };
    const { get, running } = await start({ status: { status } });
    const pending = get('/api/v1/status');
    await asked.promise;
    const stopped = Promise.all([running.stop(), running.stop()]);
    answered.resolve();
    expect((await pending).status).toBe(200);
    await stopped;
    await expect(get('/healthz')).rejects.toThrow();
  });

  test('stop cuts off a request that does not end', async () => {
    const { get, running } = await start({ status: { status: () => new Promise(() => undefined) } });
    const pending = get('/api/v1/status');
    pending.catch(() => undefined);
    await get('/healthz');
    await running.stop();
    await expect(pending).rejects.toThrow();
  });
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
