import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/domain/clock.ts';
import type { Running } from '../../src/domain/lifecycle.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { createRng } from '../../src/domain/rng.ts';
import { exportOnnx } from '../../src/models/exporters/onnx.ts';
import { servedConfigSchema } from '../../src/models/config.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { replicaFrom } from '../../src/models/replica.ts';
import { createServedModel, type ServedModel } from '../../src/models/served.ts';
import { startTestBackend } from '../support/engine.ts';
import {
  MODEL_SERVERS,
  startRealModelServer,
  type ModelServerKind,
  type RealModelServer,
} from '../support/model-server.ts';

const ROWS = 40;
const FEATURES = 784;
/** Servers compute in another order than we do. */
const ROUNDING = 1e-4;

const rng = createRng('integration', 'served-real');
const inputs = Float32Array.from({ length: ROWS * FEATURES }, () => rng.uniform());

let folder: string;
let file: string;
let expected: Float32Array;

beforeAll(async () => {
  await startTestBackend();
  folder = await mkdtemp(join(tmpdir(), 'temper-real-'));
  file = join(folder, 'model.onnx');
  const artifact = digitsNetwork({ seed: 1, filters: [4, 8], hidden: 16 });
  await exportOnnx(artifact, file);
  const replica = await replicaFrom(artifact);
  expected = await replica.scores({ inputs, count: ROWS, rows: new Int32Array(ROWS) });
  replica.dispose();
});
afterAll(() => rm(folder, { recursive: true }));

interface Way {
  readonly protocol: 'oip-rest' | 'oip-grpc';
  readonly tensors?: 'auto' | 'json' | 'binary';
}

/** What each server is asked in; MLServer has no binary tensors over REST. */
const WAYS: Readonly<Record<ModelServerKind, readonly Way[]>> = {
  mlserver: [{ protocol: 'oip-rest' }, { protocol: 'oip-grpc' }],
  kserve: [{ protocol: 'oip-rest' }, { protocol: 'oip-rest', tensors: 'binary' }, { protocol: 'oip-grpc' }],
  triton: [
    { protocol: 'oip-rest', tensors: 'json' },
    { protocol: 'oip-rest', tensors: 'auto' },
    { protocol: 'oip-grpc' },
  ],
};

describe.each(MODEL_SERVERS)('%s', (kind) => {
  let server: Running<RealModelServer>;
  const opened: ServedModel[] = [];
  const served = ({ protocol, ...rest }: Way, extra: object = {}): ServedModel => {
    const { rest: restUrl, grpc } = server.value;
    const model = createServedModel({
      config: servedConfigSchema.parse({
        url: protocol === 'oip-grpc' ? grpc : restUrl,
        protocol,
        model: 'digits',
        loadGuard: { enabled: false },
        ...rest,
        ...extra,
      }),
      inputShape: [28, 28, 1],
      classes: 10,
      clock: systemClock,
      logger: silentLogger,
      probeKey: 'a key',
    });
    opened.push(model);
    return model;
  };

  beforeAll(async () => {
    server = await startRealModelServer(kind, file);
  }, 240_000);
  afterAll(async () => {
    for (const model of opened) model.close();
    await server.stop();
  });

  describe.each(WAYS[kind].map((way) => [`${way.protocol} ${way.tensors ?? ''}`.trim(), way] as const))(
    'over %s',
    (_, way) => {
      test('says what it serves', async () => {
        const model = served(way);
        expect((await model.status()).versions).toMatchObject([{ version: '1', state: 'AVAILABLE' }]);
        expect(await model.describe()).toMatchObject({
          name: 'digits',
          inputs: [{ name: 'inputs', datatype: 'FP32', shape: [-1, 28, 28, 1] }],
          outputs: [{ name: 'outputs', datatype: 'FP32', shape: [-1, 10] }],
          ...(kind === 'triton' ? { maxBatch: 16 } : {}),
        });
      });

      test('answers what the replica computes', async () => {
        const model = served(way);
        const { scores } = await model.answer(inputs, ROWS);
        scores.forEach((score, i) => expect(Math.abs(score - expected[i]!)).toBeLessThan(ROUNDING));
        // 40 rows: by 16 where the server says so, by 32 otherwise.
        expect(model.counters()).toMatchObject({
          queries: ROWS,
          requests: kind === 'triton' ? 3 : 2,
          failures: 0,
        });
      });

      test('an input that it takes in another shape is sent in that shape', async () => {
        const flat = createFlat(way);
        const scores = await flat.predict(inputs.subarray(0, FEATURES), 1);
        scores.forEach((score, i) => expect(Math.abs(score - expected[i]!)).toBeLessThan(ROUNDING));
      });

      test('a model that it does not have is a rejection, and the breaker stays closed', async () => {
        const model = served(way, { model: 'letters', breaker: { failures: 1 } });
        await expect(model.predict(inputs.subarray(0, FEATURES), 1)).rejects.toMatchObject({
          code: 'TEMPER_TARGET_REJECTED',
        });
        expect(model.breakerState()).toBe('closed');
      });
    },
  );

  function createFlat(way: Way): ServedModel {
    const { rest, grpc } = server.value;
    const { protocol, ...others } = way;
    const model = createServedModel({
      config: servedConfigSchema.parse({
        url: protocol === 'oip-grpc' ? grpc : rest,
        protocol,
        model: 'digits',
        loadGuard: { enabled: false },
        ...others,
      }),
      inputShape: [FEATURES],
      classes: 10,
      clock: systemClock,
      logger: silentLogger,
    });
    opened.push(model);
    return model;
  }
});
