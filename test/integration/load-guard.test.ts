import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/domain/clock.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { servedConfigSchema } from '../../src/models/config.ts';
import { createServedModel, type ServedModel } from '../../src/models/served.ts';

jest.setTimeout(60_000);

/** A server that does one thing at a time, and says how long it was busy with what. */
let server: Server;
let url: string;
let serviceMs = 10;
let probing: ServedModel;
let busyMs = 0;
let last: Promise<unknown> = Promise.resolve();

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const rows = (JSON.parse(body) as { instances: number[][] }).instances;
      last = last.then(async () => {
        const startMs = performance.now();
        await sleep(serviceMs * rows.length);
        if (request.headers['x-temper-probe'] !== undefined) busyMs += performance.now() - startMs;
        response.end(JSON.stringify({ predictions: rows }));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  probing.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const open = (loadGuard: object = {}): ServedModel =>
  (probing = createServedModel({
    config: servedConfigSchema.parse({ url, model: 'm', loadGuard }),
    inputShape: [2],
    classes: 2,
    clock: systemClock,
    logger: silentLogger,
    probeKey: 'a key',
  }));

/** Asks for more than there is time for. */
async function askFor(ms: number, model: ServedModel): Promise<unknown> {
  const stop = AbortSignal.timeout(ms);
  const inputs = new Float32Array(2 * 1000);
  return model.predict(inputs, 1000, { signal: stop }).catch((caught: unknown) => caught);
}

test('at default settings probing takes a hundredth of a server that is asked for all it can give', async () => {
  busyMs = 0;
  const startMs = performance.now();
  const ended = await askFor(8_000, open());
  expect(ended).toMatchObject({ code: 'TEMPER_INTERRUPTED' });
  const share = busyMs / (performance.now() - startMs);
  expect(share).toBeLessThan(0.02);
  expect(busyMs).toBeGreaterThan(0);
});

test('probing stops by itself when the server slows down, and goes on when it is well', async () => {
  const model = open({ share: 1, window: 8, pauseMs: 300 });
  const row = new Float32Array(2);
  for (let i = 0; i < 16; i++) await model.predict(row, 1);
  serviceMs = 100;
  let asked = 0;
  const stopped = await (async () => {
    for (; asked < 50; asked++) await model.predict(row, 1);
    return undefined;
  })().catch((caught: unknown) => caught);
  expect(stopped).toMatchObject({ code: 'TEMPER_TARGET_PAUSED', details: { reason: 'load' } });
  expect(asked).toBeLessThanOrEqual(8);
  expect(model.loadState().isPaused).toBe(true);
  serviceMs = 10;
  await sleep(320);
  for (let i = 0; i < 8; i++) await model.predict(row, 1);
  expect(model.loadState().isPaused).toBe(false);
});
