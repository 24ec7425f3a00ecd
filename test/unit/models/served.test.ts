import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { systemClock } from '../../../src/domain/clock.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { servedConfigSchema } from '../../../src/models/config.ts';
import { verifyTag } from '../../../src/models/probe-tag.ts';
import { createServedModel, servedTarget, type ServedModel } from '../../../src/models/served.ts';

jest.setTimeout(30_000);

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let handler: Handler;
let url: string;
let seen: { path: string; body: string; headers: IncomingMessage['headers'] }[];

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ path: request.url ?? '', body, headers: request.headers });
      handler(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  seen = [];
});

interface Row {
  readonly instances: number[][];
}

/** A model of two features and two classes that answers with the very text of its input. */
const echo: Handler = (_, response, body) => {
  response.end(body.replace('"instances"', '"predictions"'));
};

const answering =
  (status: number, text: string, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end(text);
  };

function inTurn(...handlers: Handler[]): Handler {
  let next = 0;
  return (...call) => {
    handlers[Math.min(next++, handlers.length - 1)]!(...call);
  };
}

function served(config: object = {}, extra: object = {}): ServedModel {
  return createServedModel({
    config: servedConfigSchema.parse({
      url,
      model: 'digits',
      retryDelayMs: 1,
      loadGuard: { enabled: false },
      ...config,
    }),
    inputShape: [2],
    classes: 2,
    clock: systemClock,
    logger: silentLogger,
    ...extra,
  });
}

const ONE = Float32Array.of(0.25, 0.75);

describe('predictions', () => {
  test('are sent in parts, counted by rows, and put together in order', async () => {
    handler = echo;
    const model = served({ maxBatch: 3 });
    const inputs = Float32Array.from({ length: 14 }, (_, i) => i);
    expect(await model.predict(inputs, 7)).toEqual(inputs);
    expect(seen.map(({ body }) => (JSON.parse(body) as Row).instances.length)).toEqual([3, 3, 1]);
    expect(seen[0]).toMatchObject({ path: '/v1/models/digits:predict' });
    expect(seen[0]?.headers['content-type']).toBe('application/json');
    expect(model.counters()).toEqual({ queries: 7, requests: 3, failures: 0 });
  });

  test('an adversarial survives the wire to the last bit', async () => {
    handler = echo;
    const model = served({ maxBatch: 64 });
    const rows = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 2,
      maxLength: 64,
    });
    await fc.assert(
      fc.asyncProperty(rows, async (values) => {
        const inputs = Float32Array.from(values.slice(0, values.length - (values.length % 2)));
        expect(await model.predict(inputs, inputs.length / 2)).toEqual(inputs);
      }),
      { numRuns: 50 },
    );
  });

  test('nest the input as its shape says, name tensor, signature and version as configured', async () => {
    handler = answering(200, '{"predictions":[[1,2]]}');
    const config = { version: '3', input: 'x', signature: 'scores', headers: { 'x-gateway': 'a' } };
    const model = served(config, { inputShape: [2, 2, 1], classes: 2 });
    await model.predict(Float32Array.of(1, 2, 3, 0.5), 1);
    expect(seen[0]?.path).toBe('/v1/models/digits/versions/3:predict');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      signature_name: 'scores',
      instances: [
        {
          x: [
            [[1], [2]],
            [[3], [0.5]],
          ],
        },
      ],
    });
    expect(seen[0]?.headers['x-gateway']).toBe('a');
  });

  test('carry a fresh probe tag each, when there is a key', async () => {
    handler = echo;
    const model = served({ maxBatch: 1 }, { probeKey: 'secret' });
    await model.predict(Float32Array.of(1, 2, 3, 4), 2);
    const tags = seen.map(({ headers }) => headers['x-temper-probe'] as string);
    expect(new Set(tags).size).toBe(2);
    for (const tag of tags) expect(verifyTag('secret', tag, { atMs: Date.now() })).toBeDefined();
  });

  test('carry the bearer token, and the tag where loggers take the id of an event from', async () => {
    handler = echo;
    await served({ bearerToken: 'let me in' }, { probeKey: 'secret' }).predict(ONE, 1);
    expect(seen[0]?.headers['authorization']).toBe('Bearer let me in');
    expect(seen[0]?.headers['ce-id']).toBe(seen[0]?.headers['x-temper-probe']);
  });

  test('are not sent when they are not permitted, and the server gets no blame', async () => {
    const forbidden = new Error('not now');
    const permit = (): void => {
      throw forbidden;
    };
    const model = served({ breaker: { failures: 1 } }, { permit });
    await expect(model.predict(ONE, 1)).rejects.toBe(forbidden);
    expect(seen).toEqual([]);
    expect(model.counters()).toEqual({ queries: 0, requests: 0, failures: 1 });
    expect(model.breakerState()).toBe('closed');
  });

  test('the version that answered is reported, unless parts differ', async () => {
    handler = (request, response, body) => {
      response.setHeader('x-temper-model-version', seen.length < 3 ? '1' : '2');
      echo(request, response, body);
    };
    const model = served({ maxBatch: 1 });
    expect((await model.answer(Float32Array.of(1, 2, 3, 4), 2)).version).toBe('1');
    expect((await model.answer(Float32Array.of(1, 2, 3, 4), 2)).version).toBe('2');
    seen.length = 1;
    expect((await model.answer(Float32Array.of(1, 2, 3, 4), 2)).version).toBeUndefined();
  });

  test('serve as a target of black-box attacks', async () => {
    handler = echo;
    const target = servedTarget(served());
    expect(await target.scores({ inputs: ONE, count: 1, rows: Int32Array.of(0) })).toEqual(ONE);
    expect('gradient' in target).toBe(false);
  });

  test('inputs of another size are refused before anything is sent', async () => {
    await expect(served().predict(ONE, 2)).rejects.toMatchObject({ code: 'TEMPER_ATTACK_SHAPE' });
    expect(seen).toEqual([]);
  });
});

describe('answers', () => {
  test('probabilities become log-probabilities with a floor', async () => {
    handler = answering(200, '{"predictions":[[0.25,0.75],[1,0]]}');
    const scores = await served({ outputs: 'probabilities', probabilityFloor: 1e-6 }).predict(
      Float32Array.of(1, 2, 3, 4),
      2,
    );
    [Math.log(0.25), Math.log(0.75), 0, Math.log(1e-6)].forEach((expected, i) =>
      expect(scores[i]).toBeCloseTo(expected, 5),
    );
  });

  test('a named output is found, also where the server leaves out an only name', async () => {
    handler = inTurn(
      answering(200, '{"predictions":[{"scores":[1,2],"label":"a"}]}'),
      answering(200, '{"outputs":[[1,2]]}'),
    );
    const model = served({ output: 'scores' });
    expect(await model.predict(ONE, 1)).toEqual(Float32Array.of(1, 2));
    expect(await model.predict(ONE, 1)).toEqual(Float32Array.of(1, 2));
  });

  test.each([
    ['garbage', '<html>', {}],
    ['too few rows', '{"predictions":[]}', {}],
    ['too many rows', '{"predictions":[[1,2],[3,4]]}', {}],
    ['too many classes', '{"predictions":[[1,2,3]]}', {}],
    ['text', '{"predictions":[["a","b"]]}', {}],
    ['NaN', '{"predictions":[[NaN,1]]}', {}],
    ['overflow of float32', '{"predictions":[[1e300,1]]}', {}],
    ['null', '{"predictions":[[null,1]]}', {}],
    ['several outputs', '{"predictions":[{"a":[1,2],"b":[1,2]}]}', {}],
    ['not the output', '{"predictions":[{"a":[1,2],"b":[1,2]}]}', { output: 'scores' }],
    ['logits as probabilities', '{"predictions":[[3,-2]]}', { outputs: 'probabilities' }],
    ['not a distribution', '{"predictions":[[0.5,0.2]]}', { outputs: 'probabilities' }],
  ])('%s is malformed', async (_, text, config) => {
    handler = answering(200, text);
    const model = served(config);
    await expect(model.predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_MALFORMED',
      message: expect.stringContaining(url) as string,
    });
    expect(model.breakerState()).toBe('closed');
  });
});

describe('errors', () => {
  test.each([400, 404, 500])('HTTP %i is a rejection with the words of the server', async (status) => {
    handler = answering(status, '{ "error": "no such thing" }');
    const model = served({ breaker: { failures: 1 } });
    await expect(model.predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_REJECTED',
      retryable: false,
      message: expect.stringContaining('no such thing') as string,
      details: { status },
    });
    expect(seen).toHaveLength(1);
    expect(model.breakerState()).toBe('closed');
    expect(model.counters()).toEqual({ queries: 1, requests: 1, failures: 1 });
  });

  test.each([
    [429, 3],
    [503, 3],
    [502, 1],
    [504, 1],
  ])('HTTP %i counts against the server and is sent %i times', async (status, times) => {
    handler = answering(status, 'busy');
    const model = served({ breaker: { failures: times } });
    await expect(model.predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      retryable: true,
    });
    expect(seen).toHaveLength(times);
    expect(model.breakerState()).toBe('open');
    expect(model.counters().queries).toBe(times);
  });

  test('a busy server is asked again, when it said', async () => {
    handler = inTurn(answering(429, '', { 'retry-after': '0' }), answering(503, ''), echo);
    const model = served();
    expect(await model.predict(ONE, 1)).toEqual(ONE);
    expect(model.counters()).toEqual({ queries: 3, requests: 3, failures: 0 });
  });

  test('a slow server runs into the time limit, and is not asked twice', async () => {
    handler = () => undefined;
    const startMs = performance.now();
    await expect(served({ timeoutMs: 100 }).predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      message: expect.stringContaining('no answer within 100 ms') as string,
    });
    expect(performance.now() - startMs).toBeLessThan(8_000);
    expect(seen).toHaveLength(1);
  });

  test('a server that sends a part and stalls runs into it too', async () => {
    handler = (_, response) => {
      response.writeHead(200).write('{"predictions":[[');
    };
    await expect(served({ timeoutMs: 100 }).predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      details: { reason: 'timeout' },
    });
  });

  test('a connection that is closed in the middle is not sent again', async () => {
    handler = (request) => request.socket.destroy();
    await expect(served().predict(ONE, 1)).rejects.toMatchObject({ code: 'TEMPER_TARGET_UNREACHABLE' });
    expect(seen).toHaveLength(1);
  });

  test('nobody there', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const model = served({ url: `http://127.0.0.1:${port}` });
    await expect(model.predict(ONE, 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      details: { reason: 'ECONNREFUSED' },
    });
    expect(model.counters().requests).toBe(3);
  });

  test('a caller who gives up gets TEMPER_INTERRUPTED, and the server no blame', async () => {
    handler = () => undefined;
    const controller = new AbortController();
    const model = served({ breaker: { failures: 1 } });
    const abandoned = model.predict(ONE, 1, { signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 20);
    await expect(abandoned).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
    expect(model.breakerState()).toBe('closed');
  });
});

describe('the breaker', () => {
  test('opens, leaves the server alone, and closes when it is well again', async () => {
    let nowMs = 0;
    const model = served(
      { breaker: { failures: 2, openMs: 1_000 }, retries: 0 },
      { clock: { nowMs: () => nowMs } },
    );
    handler = answering(502, '');
    for (let i = 0; i < 2; i++) await expect(model.predict(ONE, 1)).rejects.toThrow(/502/);
    await expect(model.predict(ONE, 1)).rejects.toMatchObject({ code: 'TEMPER_TARGET_CIRCUIT_OPEN' });
    expect(seen).toHaveLength(2);
    expect(model.counters().requests).toBe(2);
    nowMs = 1_000;
    handler = echo;
    expect(await model.predict(ONE, 1)).toEqual(ONE);
    expect(model.breakerState()).toBe('closed');
  });

  test('errors 500 are the caller’s to judge: a failed canary counts', async () => {
    const model = served({ breaker: { failures: 2 } });
    handler = answering(500, '');
    for (let i = 0; i < 5; i++) await expect(model.predict(ONE, 1)).rejects.toThrow(/500/);
    expect(model.breakerState()).toBe('closed');
    model.reportFailure();
    model.reportFailure();
    expect(model.breakerState()).toBe('open');
  });
});

describe('status and metadata', () => {
  test('are read, and asked again after a failure that may pass', async () => {
    handler = inTurn(
      answering(502, ''),
      answering(
        200,
        '{"model_version_status":[{"version":"4","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}',
      ),
    );
    const model = served();
    expect((await model.status()).versions).toMatchObject([{ version: '4', state: 'AVAILABLE' }]);
    expect(seen.map(({ path }) => path)).toEqual(['/v1/models/digits', '/v1/models/digits']);
    expect(model.counters().queries).toBe(0);
  });

  test('malformed ones are named', async () => {
    handler = answering(200, '{}');
    await expect(served().describe()).rejects.toMatchObject({ code: 'TEMPER_TARGET_MALFORMED' });
  });
});
