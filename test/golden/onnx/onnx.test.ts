import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tf } from '../../../src/engine/tf.ts';
import { onnxOf } from '../../../src/models/exporters/onnx.ts';
import { modelFromArtifact } from '../../../src/models/replica.ts';
import { startTestBackend } from '../../support/engine.ts';
import { artifactOf, networks } from './networks.cjs';

interface Case {
  readonly file: string;
  readonly shape: readonly number[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'onnx.json'), 'utf8')) as {
  readonly cases: Readonly<Record<string, Case>>;
};
const cases = Object.entries(golden.cases);
let models: Readonly<Record<string, tf.LayersModel>>;

beforeAll(async () => {
  await startTestBackend();
  models = networks(tf);
});

test('onnxruntime has computed every network', () => {
  expect(Object.keys(golden.cases).sort()).toEqual(Object.keys(models).sort());
});

test.each(cases)(
  'the file of %s is the one that the checker has passed, to the byte',
  async (name, { file }) => {
    const bytes = await onnxOf(artifactOf(models[name]!));
    expect(Buffer.from(bytes).equals(Buffer.from(file, 'base64'))).toBe(true);
  },
);

test.each(cases)('onnxruntime computes %s as tfjs does', async (name, { shape, inputs, outputs }) => {
  const model = await modelFromArtifact(artifactOf(models[name]!));
  const rows = inputs.length / shape.reduce((product, side) => product * side, 1);
  const found = tf.tidy(() => {
    const given = tf.tensor(Float32Array.from(inputs), [rows, ...shape]);
    return (model.predict(given) as tf.Tensor).dataSync();
  });
  model.dispose();
  expect(found).toHaveLength(outputs.length);
  const largest = Math.max(...outputs.map(Math.abs));
  found.forEach((value, i) => expect(Math.abs(value - outputs[i]!)).toBeLessThan(2e-6 * largest));
});
