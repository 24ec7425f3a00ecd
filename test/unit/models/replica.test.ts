import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '../../../src/domain/rng.ts';
import type { Batch, ScoreLoss } from '../../../src/domain/target.ts';
import { tf } from '../../../src/engine/tf.ts';
import { writeArtifact, type ModelArtifact } from '../../../src/models/artifact.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import {
  forgetReplicas,
  loadReplica,
  modelFromArtifact,
  replicaFrom,
  replicaOf,
} from '../../../src/models/replica.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-replica-'));
});
afterEach(() => rm(directory, { recursive: true }));

const network = (seed = 1): ModelArtifact =>
  buildNetwork({
    name: 'small',
    inputShape: [6, 6, 1],
    seed,
    layers: [
      { kind: 'convolution', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
      { kind: 'flatten' },
      { kind: 'dense', units: 8, activation: 'relu' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  });

/** The same network, its last layer ending in the given activation. */
function endingIn(activation: string): ModelArtifact {
  const artifact = network();
  const topology = JSON.parse(JSON.stringify(artifact.topology)) as {
    config: { layers: { config: { activation: string } }[] };
  };
  topology.config.layers.at(-1)!.config.activation = activation;
  return { ...artifact, topology };
}

function batchOf(count: number, seed = 0): Batch {
  const rng = createRng('inputs', seed);
  return {
    inputs: Float32Array.from({ length: count * 36 }, () => rng.uniform()),
    count,
    rows: Int32Array.from({ length: count }, (_, i) => i),
  };
}

/** Cross-entropy against class row mod 3. */
const crossEntropy: ScoreLoss = (scores, { count, rows }) => {
  const values = new Float32Array(count);
  const derivative = new Float32Array(scores.length);
  for (let i = 0; i < count; i++) {
    const row = Array.from(scores.subarray(3 * i, 3 * i + 3));
    const label = rows[i]! % 3;
    const logSum = Math.log(row.reduce((sum, score) => sum + Math.exp(score), 0));
    values[i] = logSum - row[label]!;
    row.forEach((score, k) => (derivative[3 * i + k] = Math.exp(score - logSum) - (k === label ? 1 : 0)));
  }
  return { values, derivative };
};

test('scores are the logits of the model', async () => {
  const replica = await replicaFrom(network());
  const model = await modelFromArtifact(network());
  const batch = batchOf(5);
  const expected = tf.tidy(() =>
    (model.predict(tf.tensor(batch.inputs, [5, 6, 6, 1])) as tf.Tensor).dataSync(),
  );
  expect(Array.from(await replica.scores(batch))).toEqual(Array.from(expected));
  expect(replica).toMatchObject({ inputShape: [6, 6, 1], classes: 3, scoreKind: 'logits' });
  model.dispose();
  replica.dispose();
});

test('the input gradient equals finite differences', async () => {
  const replica = await replicaFrom(network());
  const batch = batchOf(4);
  const { gradient, losses, scores } = await replica.gradient(batch, crossEntropy);
  expect(Array.from(scores)).toEqual(Array.from(await replica.scores(batch)));
  expect(Array.from(losses)).toEqual(Array.from(crossEntropy(scores, batch).values));
  const step = 1e-3;
  for (let feature = 0; feature < 36; feature += 5) {
    const lossAt = async (delta: number): Promise<Float32Array> => {
      const inputs = Float32Array.from(batch.inputs);
      for (let i = 0; i < 4; i++) inputs[36 * i + feature]! += delta;
      return crossEntropy(await replica.scores({ ...batch, inputs }), batch).values;
    };
    const [above, below] = [await lossAt(step), await lossAt(-step)];
    for (let i = 0; i < 4; i++)
      expect(gradient[36 * i + feature]).toBeCloseTo((above[i]! - below[i]!) / (2 * step), 3);
  }
  replica.dispose();
});

test('an example does not feel who else is in its batch; large batches are split', async () => {
  const replica = await replicaFrom(network());
  const batch = batchOf(600);
  const together = await replica.gradient(batch, crossEntropy);
  const scores = await replica.scores(batch);
  for (const i of [0, 255, 256, 599]) {
    const alone = { inputs: batch.inputs.slice(36 * i, 36 * i + 36), count: 1, rows: Int32Array.of(i) };
    const { gradient, losses } = await replica.gradient(alone, crossEntropy);
    expect(together.losses[i]).toBeCloseTo(losses[0]!, 5);
    expect(scores[3 * i]).toBeCloseTo((await replica.scores(alone))[0]!, 5);
    gradient.forEach((value, k) => expect(together.gradient[36 * i + k]).toBeCloseTo(value, 5));
  }
  replica.dispose();
});

test('an empty batch has no scores and no gradient', async () => {
  const replica = await replicaFrom(network());
  expect(await replica.scores(batchOf(0))).toHaveLength(0);
  expect((await replica.gradient(batchOf(0), crossEntropy)).gradient).toHaveLength(0);
  replica.dispose();
});

test('no tensor is left over, by use, by a loss that throws, or by the replica itself', async () => {
  const before = tf.memory().numTensors;
  const replica = await replicaFrom(network());
  const loaded = tf.memory().numTensors;
  const batch = batchOf(3);
  await replica.scores(batch);
  await replica.gradient(batch, crossEntropy);
  await expect(
    replica.gradient(batch, () => {
      throw new Error('no loss');
    }),
  ).rejects.toThrow('no loss');
  expect(tf.memory().numTensors).toBe(loaded);
  replica.dispose();
  replica.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('a model that ends in a softmax is read as log-probabilities, without underflow', async () => {
  const replica = await replicaFrom(endingIn('softmax'));
  const logits = await replicaFrom(network());
  expect(replica.scoreKind).toBe('log-probabilities');
  const batch = batchOf(2);
  const [read, plain] = [await replica.scores(batch), await logits.scores(batch)];
  for (let i = 0; i < 2; i++) {
    const row = plain.subarray(3 * i, 3 * i + 3);
    const logSum = Math.log(row.reduce((sum, score) => sum + Math.exp(score), 0));
    row.forEach((score, k) => expect(read[3 * i + k]).toBeCloseTo(score - logSum, 5));
  }
  const sure = { ...batch, inputs: batch.inputs.map((value) => 1000 * value) };
  const { gradient } = await replica.gradient(sure, crossEntropy);
  expect(gradient.every(Number.isFinite)).toBe(true);
  expect((await replica.scores(sure)).every(Number.isFinite)).toBe(true);
  replica.dispose();
  logits.dispose();
});

test('a softmax layer at the end is taken off as well, and a softmax in the middle is left alone', async () => {
  const artifact = network();
  const withLayer = JSON.parse(JSON.stringify(artifact.topology)) as { config: { layers: object[] } };
  withLayer.config.layers.push({ class_name: 'Softmax', config: { name: 'softmax', axis: -1 } });
  const replica = await replicaFrom({ ...artifact, topology: withLayer });
  const activation = await replicaFrom(endingIn('softmax'));
  expect(replica.scoreKind).toBe('log-probabilities');
  expect(Array.from(await replica.scores(batchOf(2)))).toEqual(
    Array.from(await activation.scores(batchOf(2))),
  );
  replica.dispose();
  activation.dispose();

  const middle = JSON.parse(JSON.stringify(artifact.topology)) as {
    config: { layers: { config: { activation: string } }[] };
  };
  middle.config.layers.at(-2)!.config.activation = 'softmax';
  const other = await replicaFrom({ ...artifact, topology: middle });
  expect(other.scoreKind).toBe('logits');
  other.dispose();
});

test('a functional model with one output is read too', async () => {
  const input = tf.input({ shape: [4] });
  const hidden = tf.layers.dense({ units: 5, activation: 'relu', name: 'hidden' }).apply(input);
  const output = tf.layers
    .dense({ units: 3, activation: 'softmax', name: 'out' })
    .apply(hidden) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  const weights = model.weights.map((weight) => weight.read().dataSync() as Float32Array);
  const artifact: ModelArtifact = {
    topology: model.toJSON(null, false) as object,
    weightSpecs: model.weights.map(({ originalName, shape }) => ({
      name: originalName,
      shape: shape as number[],
    })),
    weights: Float32Array.from(weights.flatMap((values) => Array.from(values))),
  };
  const inputs = Float32Array.of(0.1, 0.2, 0.3, 0.4);
  const probabilities = tf.tidy(() => (model.predict(tf.tensor2d(inputs, [1, 4])) as tf.Tensor).dataSync());
  const replica = await replicaFrom(artifact);
  const scores = await replica.scores({ inputs, count: 1, rows: Int32Array.of(0) });
  scores.forEach((score, k) => expect(Math.exp(score)).toBeCloseTo(probabilities[k]!, 5));
  replica.dispose();
  model.dispose();
});

test.each<[string, ModelArtifact, RegExp]>([
  [
    'one output',
    buildNetwork({
      name: 'one',
      inputShape: [2],
      seed: 0,
      layers: [{ kind: 'dense', units: 1, activation: 'linear' }],
    }),
    /outputs \[any, 1\]/,
  ],
  [
    'an image as output',
    buildNetwork({ name: 'image', inputShape: [4, 4, 1], seed: 0, layers: [{ kind: 'max-pool', size: 2 }] }),
    /outputs \[any, 2, 2, 1\]/,
  ],
  [
    'an unknown layer',
    {
      ...network(),
      topology: {
        class_name: 'Sequential',
        config: { name: 'x', layers: [{ class_name: 'Nonsense', config: {} }] },
      },
    },
    /tfjs cannot build/,
  ],
  [
    'weights that do not fit',
    { ...network(), weightSpecs: network().weightSpecs.map((spec) => ({ ...spec, name: `x${spec.name}` })) },
    /tfjs cannot build/,
  ],
])('a model with %s is refused and leaves no tensor', async (_name, artifact, message) => {
  const before = tf.memory().numTensors;
  await expect(replicaFrom(artifact)).rejects.toMatchObject({
    code: 'TEMPER_MODEL_UNSUPPORTED',
    message: expect.stringMatching(message) as string,
  });
  expect(tf.memory().numTensors).toBe(before);
});

test('inputs that do not fit are refused', async () => {
  const replica = await replicaFrom(network());
  const batch = { ...batchOf(2), count: 3 };
  await expect(replica.scores(batch)).rejects.toMatchObject({ code: 'TEMPER_ATTACK_SHAPE' });
  await expect(replica.gradient(batch, crossEntropy)).rejects.toThrow(
    /108 values and 3 rows; got 72 values and 2 rows/,
  );
  replica.dispose();
});

test('a model is loaded only if its content is the one asked for', async () => {
  const ref = await writeArtifact(directory, network());
  await writeArtifact(directory, network(2));
  await expect(loadReplica(ref)).rejects.toMatchObject({ code: 'TEMPER_MODEL_CORRUPT' });
});

test('replicas are kept by content, the least recently used is dropped', async () => {
  const before = tf.memory().numTensors;
  const refs = await Promise.all(
    [1, 2, 3, 4, 5].map((seed) => writeArtifact(join(directory, `${seed}`), network(seed))),
  );
  const first = await replicaOf(refs[0]!);
  const perReplica = tf.memory().numTensors - before;
  expect(await replicaOf({ ...refs[0]!, path: 'elsewhere' })).toBe(first);
  for (const ref of refs.slice(1, 4)) await replicaOf(ref);
  expect(await replicaOf(refs[0]!)).toBe(first);
  await replicaOf(refs[4]!);
  expect(await replicaOf(refs[0]!)).toBe(first);
  expect(tf.memory().numTensors).toBe(before + 4 * perReplica);
  await expect(replicaOf({ path: join(directory, 'none'), sha256: '0' })).rejects.toMatchObject({
    code: 'TEMPER_MODEL_NOT_FOUND',
  });
  await forgetReplicas();
  expect(tf.memory().numTensors).toBe(before);
});
