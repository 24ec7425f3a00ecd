import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '../../../src/domain/rng.ts';
import type { ScoreLoss } from '../../../src/domain/target.ts';
import { tf } from '../../../src/engine/tf.ts';
import { writeArtifact, type ModelArtifact } from '../../../src/models/artifact.ts';
import { fetchModel } from '../../../src/models/fetch-model.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { loadReplica, replicaRefOf } from '../../../src/models/replica.ts';
import { startTestBackend } from '../../support/engine.ts';

let folder: string;
beforeAll(async () => {
  await startTestBackend();
  folder = await mkdtemp(join(tmpdir(), 'temper-graph-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Two dense layers, as a layers model and as the graph model that a converter makes of it. */
const artifact: ModelArtifact = buildNetwork({
  name: 'dense',
  inputShape: [6],
  seed: 3,
  layers: [
    { kind: 'dense', units: 5, activation: 'relu' },
    { kind: 'dense', units: 4, activation: 'linear' },
  ],
});

const FLOAT = { type: 'DT_FLOAT' };
const operation = (name: string, op: string, ...input: string[]) => ({ name, op, input, attr: { T: FLOAT } });
const shape = (...sides: number[]) => ({ shape: { dim: sides.map((size) => ({ size: `${size}` })) } });

function graphJson(ending: readonly object[]): object {
  const names = ['w1', 'b1', 'w2', 'b2'];
  const weights = artifact.weightSpecs.map((spec, i) => ({
    name: names[i]!,
    shape: spec.shape,
    dtype: 'float32',
  }));
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape: shape(-1, 6) } },
    ...weights.map(({ name, shape: sides }) => ({
      name,
      op: 'Const',
      attr: { dtype: FLOAT, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(...sides).shape } } },
    })),
    operation('m1', 'MatMul', 'x', 'w1'),
    operation('a1', 'BiasAdd', 'm1', 'b1'),
    operation('r1', 'Relu', 'a1'),
    operation('m2', 'MatMul', 'r1', 'w2'),
    operation('logits', 'BiasAdd', 'm2', 'b2'),
    ...ending,
  ];
  return {
    format: 'graph-model',
    modelTopology: { node, versions: { producer: 987 } },
    weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
  };
}

async function writeGraph(name: string, ending: readonly object[] = []): Promise<string> {
  const directory = join(folder, name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'model.json'), JSON.stringify(graphJson(ending)));
  const { buffer, byteOffset, byteLength } = artifact.weights;
  await writeFile(join(directory, 'group1-shard1of1.bin'), new Uint8Array(buffer, byteOffset, byteLength));
  return directory;
}

const rng = createRng('graph-model');
const batch = {
  inputs: Float32Array.from({ length: 18 }, () => rng.uniform()),
  count: 3,
  rows: Int32Array.of(0, 1, 2),
};
/** The score of class 1. */
const loss: ScoreLoss = (scores, { count }) => ({
  values: Float32Array.from({ length: count }, (_, i) => scores[4 * i + 1]!),
  derivative: Float32Array.from(scores, (_, i) => (i % 4 === 1 ? 1 : 0)),
});

function expectClose(found: Float32Array, expected: Float32Array): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
}

describe('a graph model as a replica', () => {
  test('has the scores and gradients of the layers model that it was', async () => {
    const layers = await loadReplica(await writeArtifact(join(folder, 'layers'), artifact));
    const graph = await loadReplica(await replicaRefOf(await writeGraph('plain')));
    expect(graph).toMatchObject({ inputShape: [6], classes: 4, scoreKind: 'logits' });
    expectClose(await graph.scores(batch), await layers.scores(batch));
    expectClose((await graph.gradient(batch, loss)).gradient, (await layers.gradient(batch, loss)).gradient);
    layers.dispose();
    graph.dispose();
  });

  test('that ends in a softmax is read before it, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const directory = await writeGraph('softmax', [
      operation('probabilities', 'Softmax', 'logits'),
      operation('Identity', 'Identity', 'probabilities'),
    ]);
    const graph = await loadReplica(await replicaRefOf(directory));
    expect(graph.scoreKind).toBe('log-probabilities');
    const scores = await graph.scores(batch);
    for (let row = 0; row < 3; row++) {
      const sum = scores.subarray(4 * row, 4 * row + 4).reduce((total, value) => total + Math.exp(value), 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    await graph.gradient(batch, loss);
    graph.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('with other content is another model', async () => {
    const directory = await writeGraph('changed');
    const ref = await replicaRefOf(directory);
    const weights = join(directory, 'group1-shard1of1.bin');
    const bytes = await readFile(weights);
    bytes[0]! ^= 1;
    await writeFile(weights, bytes);
    await expect(loadReplica(ref)).rejects.toMatchObject({ code: 'TEMPER_MODEL_CORRUPT' });
    await rm(weights);
    await expect(replicaRefOf(directory)).rejects.toMatchObject({ code: 'TEMPER_MODEL_CORRUPT' });
  });

  test('that tfjs cannot run is unsupported', async () => {
    const directory = await writeGraph('odd', [operation('odd', 'NoSuchOperation', 'logits')]);
    await expect(loadReplica(await replicaRefOf(directory))).rejects.toMatchObject({
      code: 'TEMPER_MODEL_UNSUPPORTED',
    });
  });
});

describe('a model from a URL', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      readFile(join(folder, request.url!)).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each(['', '/model.json'])('is copied whole, by its folder or its file %p', async (suffix) => {
    const directory = await writeGraph('remote');
    const copy = await fetchModel(`${url}/remote${suffix}`, join(folder, 'replicas'));
    expect((await replicaRefOf(copy)).sha256).toBe((await replicaRefOf(directory)).sha256);
  });

  test('layers models too', async () => {
    const ref = await writeArtifact(join(folder, 'remote-layers'), artifact);
    const copy = await fetchModel(`${url}/remote-layers`, join(folder, 'replicas'));
    expect((await replicaRefOf(copy)).sha256).toBe(ref.sha256);
  });

  test('that is not there, or names files elsewhere, is refused', async () => {
    await expect(fetchModel(`${url}/nothing`, join(folder, 'replicas'))).rejects.toMatchObject({
      code: 'TEMPER_MODEL_NOT_FOUND',
    });
    const directory = await writeGraph('escaping');
    const file = join(directory, 'model.json');
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('group1-shard1of1.bin', '../remote/model.json'),
    );
    await expect(fetchModel(`${url}/escaping`, join(folder, 'replicas'))).rejects.toMatchObject({
      code: 'TEMPER_MODEL_CORRUPT',
    });
  });
});
