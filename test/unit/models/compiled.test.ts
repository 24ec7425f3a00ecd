import { createRng } from '../../../src/domain/rng.ts';
import { tf } from '../../../src/engine/tf.ts';
import { graphOf } from '../../../src/models/compiled/compile.ts';
import { NotCompilable } from '../../../src/models/compiled/layers.ts';
import { digitsNetwork, madryNetwork } from '../../../src/models/network.ts';
import { passesFor, tapePasses } from '../../../src/models/passes.ts';
import { replicaFrom } from '../../../src/models/replica.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';

beforeAll(startTestBackend);

const { layers } = tf;
const image = { inputShape: [12, 10, 3] };

function sequential(...parts: tf.layers.Layer[]): tf.LayersModel {
  return tf.sequential({ layers: parts });
}

const ending = (): tf.layers.Layer[] => [layers.flatten(), layers.dense({ units: 4 })];

function residual(): tf.LayersModel {
  const input = tf.input({ shape: [8, 8, 4] });
  const inner = layers
    .conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' })
    .apply(input) as tf.SymbolicTensor;
  const sum = layers.add().apply([inner, input]) as tf.SymbolicTensor;
  const pooled = layers.globalAveragePooling2d({}).apply(sum) as tf.SymbolicTensor;
  return tf.model({
    inputs: input,
    outputs: layers.dense({ units: 3 }).apply(pooled) as tf.SymbolicTensor,
  });
}

/** Networks that must never fall back to the tape on the native engine. */
const COVERED: readonly (readonly [string, () => tf.LayersModel])[] = [
  [
    'dense, tanh, sigmoid',
    () =>
      sequential(
        layers.dense({ inputShape: [7], units: 6, activation: 'tanh' }),
        layers.dense({ units: 5, activation: 'sigmoid', useBias: false }),
        layers.dense({ units: 3 }),
      ),
  ],
  [
    'strided convolutions of an image',
    () =>
      sequential(
        layers.conv2d({
          ...image,
          filters: 4,
          kernelSize: 5,
          strides: 2,
          padding: 'same',
          activation: 'relu',
        }),
        layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, activation: 'relu' }),
        ...ending(),
      ),
  ],
  [
    'strides of two sizes and a filter smaller than its stride',
    () =>
      sequential(
        layers.conv2d({ ...image, filters: 4, kernelSize: [3, 2], strides: [2, 3], padding: 'same' }),
        layers.reLU(),
        ...ending(),
      ),
  ],
  [
    'pools with whole blocks',
    () =>
      sequential(
        layers.conv2d({ ...image, filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.averagePooling2d({ poolSize: 2, padding: 'same' }),
        ...ending(),
      ),
  ],
  [
    'pools that overlap or are cut',
    () =>
      sequential(
        layers.conv2d({ ...image, filters: 4, kernelSize: 3, activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
        layers.averagePooling2d({ poolSize: 2, strides: 1 }),
        ...ending(),
      ),
  ],
  [
    'normalisation, padding, reshaping, dropout',
    () =>
      sequential(
        layers.zeroPadding2d({
          ...image,
          padding: [
            [1, 2],
            [0, 3],
          ],
        } as never),
        layers.conv2d({ filters: 4, kernelSize: 3, useBias: false }),
        layers.batchNormalization({}),
        layers.activation({ activation: 'relu' }),
        layers.dropout({ rate: 0.5 }),
        layers.reshape({ targetShape: [13 * 11 * 4] }),
        layers.dense({ units: 4 }),
      ),
  ],
  ['a sum of branches', residual],
];

function randomise(model: tf.LayersModel): tf.LayersModel {
  const rng = createRng('compiled');
  const values = (shape: readonly number[]): tf.Tensor =>
    // Positive, because a variance is among them, and small, so that nothing saturates.
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.1 + 0.3 * rng.uniform()),
      [...shape],
    );
  model.setWeights(model.getWeights().map(({ shape }) => values(shape)));
  const signs = (shape: readonly number[]): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (rng.uniform() < 0.5 ? -1 : 1)),
      [...shape],
    );
  const signed = model
    .getWeights()
    .map((weight) => (weight.shape.length > 1 ? tf.mul(weight, signs(weight.shape)) : weight));
  model.setWeights(signed);
  return model;
}

function randomInputs(model: tf.LayersModel, count: number): tf.Tensor {
  const [, ...shape] = model.inputs[0]!.shape as number[];
  const rng = createRng('inputs');
  const size = count * shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => rng.uniform()),
    [count, ...shape],
  );
}

/** A loss that is not linear in the scores: Σ z² / 2. */
const halfSquares = (logits: Float32Array): Float32Array => logits.slice();

function expectClose(found: Float32Array, expected: Float32Array): void {
  expect(found).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]!))) / scale).toBeLessThan(1e-5);
}

describe('the graph of a network', () => {
  it.each(COVERED)('has a rule for every operation: %s', (_, build) => {
    const model = build();
    expect(graphOf(model).nodes.length).toBeGreaterThan(3);
    model.dispose();
  });

  it.each([
    ['layer LeakyReLU', () => sequential(layers.dense({ inputShape: [4], units: 3 }), layers.leakyReLU())],
    ['activation elu', () => sequential(layers.dense({ inputShape: [4], units: 3, activation: 'elu' }))],
    [
      'dilated convolution',
      () => sequential(layers.conv2d({ ...image, filters: 2, kernelSize: 3, dilationRate: 2 }), ...ending()),
    ],
  ])('says what has no rule: %s', (what, build) => {
    expect(() => graphOf(build())).toThrow(NotCompilable);
    expect(() => graphOf(build())).toThrow(what);
  });
});

(testEngine === 'tensorflow' ? describe : describe.skip)('compiled passes on the native engine', () => {
  it.each(COVERED)('agree with the tape: %s', async (_, build) => {
    const model = randomise(build());
    const inputs = randomInputs(model, 5);
    const tape = tapePasses(model);
    const [logits, gradient] = [tape.logits(inputs), tape.gradient(inputs, halfSquares)];
    const passes = await passesFor(model);
    expect(passes.path).toBe('compiled');
    expectClose(passes.logits(inputs), logits);
    expectClose(passes.gradient(inputs, halfSquares), gradient);
    passes.dispose();
  });

  it.each([
    ['digits', digitsNetwork({ seed: 1 })],
    ['madry', madryNetwork({ seed: 1 })],
  ])('serve the replica of a network of the project: %s', async (_, artifact) => {
    const replica = await replicaFrom(artifact);
    expect(replica.gradientPath).toBe('compiled');
    replica.dispose();
  });

  it('gives the first of equal maxima the gradient', async () => {
    const model = sequential(
      layers.maxPooling2d({ inputShape: [2, 2, 1], poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    );
    model.setWeights([tf.tensor2d([[1, -1]]), tf.tensor1d([0, 0])]);
    const passes = await passesFor(model);
    const gradient = passes.gradient(tf.tensor4d([1, 3, 3, 3], [1, 2, 2, 1]), () => Float32Array.of(1, 0));
    expect([...gradient]).toEqual([0, 1, 0, 0]);
  });

  it('keeps no tensor, whatever the loss does', async () => {
    const model = randomise(COVERED[3]![1]());
    const inputs = randomInputs(model, 3);
    const passes = await passesFor(model);
    const before = tf.memory().numTensors;
    passes.gradient(inputs, halfSquares);
    passes.logits(inputs);
    const fails = (): never => {
      throw new Error('no derivative');
    };
    expect(() => passes.gradient(inputs, fails)).toThrow('no derivative');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves a network without rules to the tape, and says why', async () => {
    const passes = await passesFor(
      sequential(layers.dense({ inputShape: [4], units: 3, activation: 'elu' })),
    );
    expect(passes).toMatchObject({ path: 'tape', reason: 'activation elu has no rule' });
  });
});
