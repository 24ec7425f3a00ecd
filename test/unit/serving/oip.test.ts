import { systemClock } from '../../../src/domain/clock.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { servedConfigSchema } from '../../../src/models/config.ts';
import { createServedModel, type ServedModel } from '../../../src/models/served.ts';
import { MODEL, servedRegistry, type ServedRegistry } from './stub-model.ts';

let served: ServedRegistry;
let url: string;
let grpcUrl: string;
const opened: ServedModel[] = [];

beforeAll(async () => {
  served = await servedRegistry();
  await served.publish();
  const server = (await served.start({ grpcPort: 0 })).value;
  ({ url } = server);
  grpcUrl = `http://127.0.0.1:${server.grpcPort!}`;
});

afterAll(async () => {
  for (const model of opened) model.close();
  await served.stop();
});

async function ask(path: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(url + path, body === undefined ? {} : { method: 'POST', body, headers });
  return { status: response.status, text: await response.text() };
}

const tensor = (extra: object = {}): string =>
  JSON.stringify({
    id: '42',
    inputs: [{ name: 'inputs', shape: [1, 2], datatype: 'FP32', data: [0.5, 2], ...extra }],
  });
const infer = (body: string, path = `/v2/models/${MODEL}`) => ask(`${path}/infer`, body);

describe('over REST', () => {
  test('health and metadata', async () => {
    for (const path of [
      '/v2/health/live',
      '/v2/health/ready',
      `/v2/models/${MODEL}/ready`,
      `/v2/models/${MODEL}/versions/1/ready`,
    ])
      expect(await ask(path)).toEqual({ status: 200, text: '' });
    expect(JSON.parse((await ask('/v2')).text)).toMatchObject({
      name: 'temper',
      extensions: expect.arrayContaining(['binary_tensor_data']) as string[],
    });
    expect(JSON.parse((await ask(`/v2/models/${MODEL}`)).text)).toEqual({
      name: MODEL,
      versions: ['1'],
      platform: 'temper',
      inputs: [{ name: 'inputs', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 3] }],
    });
  });

  test('an answer', async () => {
    const { status, text } = await infer(tensor(), `/v2/models/${MODEL}/versions/1`);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        id: '42',
        model_name: MODEL,
        model_version: '1',
        outputs: [{ name: 'logits', datatype: 'FP32', shape: [1, 3], data: [1, 0.5, 2] }],
      },
    ]);
  });

  // What Triton 2.51 answered to the same.
  test.each([
    ['{', 500, /./],
    ['{}', 500, /inputs/],
    [tensor({ shape: [1, 3] }), 500, /expected 3 values/],
    [
      tensor({ shape: [1, 3], data: [1, 2, 3] }),
      400,
      /^\[request id: 42\] unexpected shape for input 'inputs' for model '.*'. Expected \[-1,2\], got \[1,3\]/,
    ],
    [
      tensor({ datatype: 'FP64' }),
      400,
      /^\[request id: 42\] inference input 'inputs' data-type is 'FP64', but model '.*' expects 'FP32'$/,
    ],
    [tensor({ name: 'other' }), 400, /^unexpected inference input 'other' for model '.*'$/],
    [
      tensor().replace('"id"', '"outputs":[{"name":"zz"}],"id"'),
      400,
      /^unexpected inference output 'zz' for model '.*'$/,
    ],
  ])('%s', async (body, status, message) => {
    const answer = await infer(body);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.text) as { error: string }).error).toMatch(message);
  });

  test('what is not there', async () => {
    const missing = { status: 404, text: `{"error":"Request for unknown model: 'x' is not found"}` };
    expect(await ask('/v2/models/x')).toEqual(missing);
    expect(await infer(tensor(), '/v2/models/x')).toEqual(missing);
    expect(await infer(tensor(), `/v2/models/${MODEL}/versions/9`)).toEqual({
      status: 404,
      text: `{"error":"Request for unknown model: '${MODEL}' version 9 is not found"}`,
    });
    expect(await ask('/v2/models/x/ready')).toEqual({
      status: 400,
      text: '{"error":"Model version not ready"}',
    });
    expect(await ask('/v2/nothing')).toEqual({ status: 404, text: '{"error":"Not Found"}' });
    expect((await ask(`/v2/models/${MODEL}/infer`)).status).toBe(404);
  });
});

describe.each([
  ['oip-rest', 'json'],
  ['oip-rest', 'binary'],
  ['oip-rest', 'auto'],
  ['oip-grpc', 'auto'],
] as const)('our client over %s with %s tensors', (protocol, tensors) => {
  const client = (extra: object = {}): ServedModel => {
    const model = createServedModel({
      config: servedConfigSchema.parse({
        url: protocol === 'oip-grpc' ? grpcUrl : url,
        protocol,
        tensors,
        model: MODEL,
        maxBatch: 2,
        loadGuard: { enabled: false },
        ...extra,
      }),
      inputShape: [2],
      classes: 3,
      clock: systemClock,
      logger: silentLogger,
      probeKey: 'a key',
    });
    opened.push(model);
    return model;
  };

  test('asks and is answered, to the last bit', async () => {
    const inputs = Float32Array.of(0.1, 0.2, 1e-40, 3e38, -0.3, 7);
    const { scores, version } = await client().answer(inputs, 3);
    expect(version).toBe('1');
    expect([...scores]).toEqual([1, ...inputs.slice(0, 2), 1, ...inputs.slice(2, 4), 1, ...inputs.slice(4)]);
  });

  test('status and version', async () => {
    expect((await client().status()).versions).toMatchObject([{ version: '1', state: 'AVAILABLE' }]);
    const other = client({ version: '9' });
    await expect(other.predict(Float32Array.of(1, 2), 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_REJECTED',
      details: { status: 404 },
    });
  });

  test('a model of another shape is malformed, before anything is asked', async () => {
    const model = createServedModel({
      config: servedConfigSchema.parse({
        url: protocol === 'oip-grpc' ? grpcUrl : url,
        protocol,
        model: MODEL,
      }),
      inputShape: [3],
      classes: 3,
      clock: systemClock,
      logger: silentLogger,
    });
    opened.push(model);
    await expect(model.predict(Float32Array.of(1, 2, 3), 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_MALFORMED',
    });
    expect(model.counters().requests).toBe(0);
  });
});

test('nobody listens: refused, and asked again, because nothing was sent', async () => {
  const model = createServedModel({
    config: servedConfigSchema.parse({
      url: 'http://127.0.0.1:1',
      protocol: 'oip-grpc',
      model: MODEL,
      retryDelayMs: 1,
    }),
    inputShape: [2],
    classes: 3,
    clock: systemClock,
    logger: silentLogger,
  });
  opened.push(model);
  await expect(model.predict(Float32Array.of(1, 2), 1)).rejects.toMatchObject({
    code: 'TEMPER_TARGET_UNREACHABLE',
    details: { reason: 'ECONNREFUSED' },
  });
});
