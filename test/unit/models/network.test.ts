import { buildNetwork, digitsNetwork, madryNetwork } from '../../../src/models/network.ts';
import { hashArtifact } from '../../../src/models/artifact.ts';
import { weightRanges } from '../../../src/models/flat-weights.ts';
import { modelFromArtifact } from '../../../src/models/replica.ts';
import { tf } from '../../../src/engine/tf.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);

test.each([
  ['digits', digitsNetwork({ seed: 0 }), 171_158],
  ['madry', madryNetwork({ seed: 0 }), 3_274_634],
])('tfjs builds %s with our weights in their places', async (_name, artifact, count) => {
  expect(artifact.weights).toHaveLength(count);
  const model = await modelFromArtifact(artifact);
  expect(model.countParams()).toBe(count);
  const ranges = weightRanges(artifact.weightSpecs);
  artifact.weightSpecs.forEach(({ name, shape }, i) => {
    const weight = model.weights.find(({ originalName }) => originalName === name)!;
    expect(weight.shape).toEqual(shape);
    const { start } = ranges[i]!;
    expect(Array.from(weight.read().dataSync().slice(0, 5))).toEqual(
      Array.from(artifact.weights.slice(start, start + 5)),
    );
  });
  const outputs = tf.tidy(() => (model.predict(tf.zeros([2, 28, 28, 1])) as tf.Tensor).shape);
  expect(outputs).toEqual([2, 10]);
  model.dispose();
});

test('initial weights depend on the seed and on nothing else', () => {
  expect(hashArtifact(digitsNetwork({ seed: 7 }))).toBe(hashArtifact(digitsNetwork({ seed: 7 })));
  expect(digitsNetwork({ seed: 7 }).weights).not.toEqual(digitsNetwork({ seed: 8 }).weights);
  expect(hashArtifact(digitsNetwork({ seed: 0 }))).toMatch(/^99b1d36b59fcb07f/);
});

test('kernels fill the interval of He before a relu and of Glorot before logits; biases are zero', () => {
  const { weights, weightSpecs } = digitsNetwork({ seed: 1 });
  const ranges = weightRanges(weightSpecs);
  const limits: Record<string, number> = {
    'convolution_1/kernel': Math.sqrt(6 / 25),
    'convolution_2/kernel': Math.sqrt(6 / (25 * 16)),
    'dense_4/kernel': Math.sqrt(6 / 1568),
    'dense_5/kernel': Math.sqrt(6 / 110),
  };
  weightSpecs.forEach(({ name }, i) => {
    const values = weights.subarray(ranges[i]!.start, ranges[i]!.end);
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const limit = limits[name] ?? 0;
    expect(largest).toBeLessThanOrEqual(Math.fround(limit));
    expect(largest).toBeGreaterThanOrEqual(0.95 * limit);
  });
});

test('pools and strides round up, as "same" padding does', async () => {
  const artifact = buildNetwork({
    name: 'odd',
    inputShape: [7, 5, 2],
    seed: 0,
    layers: [
      { kind: 'convolution', filters: 3, kernel: 3, stride: 2, activation: 'relu' },
      { kind: 'max-pool', size: 2 },
      { kind: 'flatten' },
      { kind: 'dense', units: 2, activation: 'linear' },
    ],
  });
  expect(artifact.weightSpecs[2]).toEqual({ name: 'dense_4/kernel', shape: [2 * 2 * 3, 2] });
  const model = await modelFromArtifact(artifact);
  model.dispose();
});
