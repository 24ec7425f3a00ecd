import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/domain/clock.ts';
import type { Running } from '../../src/domain/lifecycle.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { createRng } from '../../src/domain/rng.ts';
import { chooseEngine, type EngineName } from '../../src/engine/choose.ts';
import { writeArtifact } from '../../src/models/artifact.ts';
import { servedConfigSchema } from '../../src/models/config.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { createRegistry, type Registry } from '../../src/models/registry.ts';
import { loadReplica, type Replica } from '../../src/models/replica.ts';
import { createServedModel, type ServedAnswer, type ServedModel } from '../../src/models/served.ts';
import { servingConfigSchema } from '../../src/serving/config.ts';
import { engineScorers } from '../../src/serving/scorer.ts';
import { createModelServer, type ModelServer } from '../../src/serving/server.ts';

jest.setTimeout(60_000);

const MODEL = 'digits';
const FEATURES = 784;
const ROWS = 40;

let directory: string;
let engine: EngineName;
let registry: Registry;
let server: Running<ModelServer>;
let served: ServedModel;
const replicas: Replica[] = [];

const rng = createRng('integration', 'serving');
const inputs = Float32Array.from({ length: ROWS * FEATURES }, () => rng.uniform());

/** Puts a network with fresh weights into the registry as the next version, and loads the same as a replica. */
async function publish(seed: number): Promise<void> {
  const source = join(directory, `artifact-${seed}`);
  const ref = await writeArtifact(source, digitsNetwork({ seed, filters: [4, 8], hidden: 16 }));
  const { hash } = await registry.addCandidate({
    model: MODEL,
    source: { directory: source },
    sha256: ref.sha256,
  });
  await registry.promote({ model: MODEL, candidate: hash, actor: 'test', reason: 'test', override: true });
}

function clientOf(url: string, config: object = {}): ServedModel {
  return createServedModel({
    config: servedConfigSchema.parse({ url, model: MODEL, loadGuard: { enabled: false }, ...config }),
    inputShape: [28, 28, 1],
    classes: 10,
    clock: systemClock,
    logger: silentLogger,
  });
}

const locally = (replica: Replica): Promise<Float32Array> =>
  replica.scores({ inputs, count: ROWS, rows: new Int32Array(ROWS) });

/**
 * To the last bit on WebAssembly. The native engine runs a replica's passes as one compiled graph, in which it may add
 * in another order.
 */
function expectScores(got: Float32Array, expected: Float32Array): void {
  if (engine === 'wasm') {
    expect(got).toEqual(expected);
    return;
  }
  expect(got).toHaveLength(expected.length);
  got.forEach((score, at) => expect(score).toBeCloseTo(expected[at]!, 5));
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error('waited half a minute in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-serving-'));
  registry = createRegistry({ directory: join(directory, 'models'), clock: systemClock });
  ({ name: engine } = await chooseEngine({ forced: process.env['TEMPER_ENGINE'] }));
  await publish(1);
  server = await createModelServer({
    registryDirectory: registry.directory,
    model: MODEL,
    config: servingConfigSchema.parse({ port: 0, pollMs: 20 }),
    logger: silentLogger,
    createScorer: engineScorers(engine),
  });
  served = clientOf(server.value.url);
});

afterAll(async () => {
  for (const replica of replicas) replica.dispose();
  await server.stop();
  await rm(directory, { recursive: true });
});

async function replicaOfVersion(version: number): Promise<Replica> {
  const replica = await loadReplica((await registry.version(MODEL, version)).ref);
  replicas.push(replica);
  return replica;
}

describe('a served network', () => {
  test('answers over HTTP what its replica computes', async () => {
    const { scores, version } = await served.answer(inputs, ROWS);
    expect(version).toBe('1');
    expectScores(scores, await locally(await replicaOfVersion(1)));
  });

  test('gives an input the same scores whatever else is in the request', async () => {
    const whole = await clientOf(server.value.url, { maxBatch: ROWS }).predict(inputs, ROWS);
    for (const maxBatch of [1, 3, 17])
      expect(await clientOf(server.value.url, { maxBatch }).predict(inputs, ROWS)).toEqual(whole);
  });

  test('reports version, shapes and state', async () => {
    expect((await served.status()).versions).toMatchObject([{ version: '1', state: 'AVAILABLE' }]);
    expect(await served.describe()).toMatchObject({
      inputs: [{ name: 'inputs', datatype: 'DT_FLOAT', shape: [-1, 28, 28, 1] }],
      outputs: [{ name: 'logits', datatype: 'DT_FLOAT', shape: [-1, 10] }],
    });
  });

  test('refuses a flat row with the shape it wants', async () => {
    const flat = createServedModel({
      config: servedConfigSchema.parse({ url: server.value.url, model: MODEL }),
      inputShape: [FEATURES],
      classes: 10,
      clock: systemClock,
      logger: silentLogger,
    });
    await expect(flat.predict(inputs.subarray(0, FEATURES), 1)).rejects.toMatchObject({
      code: 'TEMPER_TARGET_REJECTED',
      message: expect.stringContaining('expected [-1,28,28,1], got [1,784]') as string,
    });
  });

  test('is replaced under load: no failed request, every answer wholly of one version', async () => {
    // Few rows per request: server, clients and registry share this process's event loop.
    const rows = 5;
    const part = inputs.subarray(0, rows * FEATURES);
    const scoresIn = async (version: number): Promise<Float32Array> =>
      (await locally(await replicaOfVersion(version))).subarray(0, rows * 10);
    let going = true;
    const answers: ServedAnswer[] = [];
    const clients = Array.from({ length: 3 }, async () => {
      const client = clientOf(server.value.url);
      while (going) answers.push(await client.answer(part, rows));
    });
    await publish(2);
    await until(
      () => server.value.statuses()[0]?.version === '2' && server.value.statuses()[0]?.state === 'AVAILABLE',
    );
    await until(() => answers.some(({ version }) => version === '2'));
    going = false;
    await Promise.all(clients);
    const expected = { '1': await scoresIn(1), '2': await scoresIn(2) };
    expect(expected['1']).not.toEqual(expected['2']);
    for (const { version, scores } of answers) expectScores(scores, expected[version as '1' | '2']);
    await until(() => server.value.statuses()[1]?.state === 'END');
  });

  test('keeps serving when the new version’s weights do not match their hash', async () => {
    const source = join(directory, 'artifact-1');
    const { hash } = await registry.addCandidate({
      model: MODEL,
      source: { directory: source },
      sha256: 'f'.repeat(64),
    });
    await registry.promote({ model: MODEL, candidate: hash, actor: 'test', reason: 'test', override: true });
    await until(() => server.value.statuses()[0]?.state === 'END');
    expect(server.value.statuses()[0]).toMatchObject({ version: '3', errorCode: 'UNKNOWN' });
    expect(server.value.statuses()[0]?.errorMessage).toContain('sha256');
    expect((await served.answer(inputs, ROWS)).version).toBe('2');
    await registry.rollback({ model: MODEL, to: 1, actor: 'test', reason: 'broken weights' });
    await until(
      () => server.value.statuses()[0]?.version === '4' && server.value.statuses()[0]?.state === 'AVAILABLE',
    );
    expectScores(await served.predict(inputs, ROWS), await locally(replicas[0]!));
  });
});
