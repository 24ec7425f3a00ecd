import { presetRecipe } from '../../../src/attacks/presets.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { distanceBetween } from '../../../src/domain/distance.ts';
import type { Batch, ScoreTarget } from '../../../src/domain/target.ts';
import type { Norm } from '../../../src/domain/threat-model.ts';
import { attackBatch, type AttackedBatch } from '../../../src/evaluation/attack-batch.ts';
import { scoresOf } from '../../../src/models/served-scores.ts';
import {
  linearTarget,
  networkTarget,
  ownLabels,
  randomInputs,
  randomWeights,
} from '../../support/network-target.ts';

const EPSILON = 0.8;
const SHAPES = [[8, 8, 1], [7, 5, 2], [5, 9], [1, 14, 1], [13]];

interface Given {
  readonly shape: readonly number[];
  readonly count?: number;
  readonly recipe?: string;
  readonly norm?: Norm;
}

/** A network and inputs, some values at the ends of the range. */
async function setting({ shape, count = 6 }: Given) {
  const features = shape.reduce((a, b) => a * b, 1);
  const target = networkTarget(randomWeights({ features, hidden: 10, classes: 4 }, 8), shape);
  const inputs = randomInputs(count, features, 9).map((x) => (x < 0.2 ? 0 : x > 0.9 ? 1 : x));
  return { target, features, inputs, labels: await ownLabels(target, inputs) };
}

async function attack(
  { recipe = 'square-200', norm = 'l2' }: Omit<Given, 'shape'>,
  given: { target: ScoreTarget; inputs: Float32Array; labels: Int32Array; ids?: string[] },
): Promise<AttackedBatch> {
  return attackBatch({
    recipe: presetRecipe(recipe),
    ids: Array.from(given.labels, (_, i) => `example-${i}`),
    threat: { norm, epsilon: norm === 'l2' ? EPSILON : 0.1, range: [0, 1], access: 'scores' },
    seed: 4,
    ...given,
  });
}

/** The same target, which writes down what it was asked. */
function watched(
  target: ScoreTarget,
): ScoreTarget & { readonly asked: { row: number; point: Float32Array }[] } {
  const asked: { row: number; point: Float32Array }[] = [];
  return {
    ...target,
    asked,
    scores(batch: Batch) {
      const features = batch.inputs.length / batch.count;
      for (let i = 0; i < batch.count; i++)
        asked.push({ row: batch.rows[i]!, point: batch.inputs.slice(i * features, (i + 1) * features) });
      return target.scores(batch);
    },
  };
}

test.each(SHAPES.map((shape) => [shape]))(
  'in images of %p it asks only inside ball and range',
  async (shape) => {
    const { target, features, inputs, labels } = await setting({ shape });
    const spy = watched(target);
    const found = await attack({ recipe: 'square-300x2' }, { target: spy, inputs, labels });
    for (const { row, point } of spy.asked) {
      const d = distanceBetween('l2', { values: inputs, row }, { values: point, row: 0 }, features);
      expect(d).toBeLessThanOrEqual(EPSILON);
      expect(point.every((x) => x >= 0 && x <= 1)).toBe(true);
    }
    expect(found.success.includes(1)).toBe(true);
  },
);

test('an example is attacked in the same way whoever else is there', async () => {
  const { target, features, inputs, labels } = await setting({ shape: [8, 8, 1] });
  const together = await attack({}, { target, inputs, labels });
  const alone = await attack(
    {},
    {
      target,
      inputs: inputs.slice(2 * features, 3 * features),
      labels: labels.slice(2, 3),
      ids: ['example-2'],
    },
  );
  expect(alone.adversarial).toEqual(together.adversarial.slice(2 * features, 3 * features));
  expect(alone.forwardQueries[0]).toBe(together.forwardQueries[2]);
});

test('on a linear model it comes within a third of the best point of the ball', async () => {
  const weights = Array.from(
    { length: 64 },
    (_, j) => Math.sin(j % 8) + Math.cos(Math.floor(j / 8)) + Math.sin(9 * j) / 2,
  );
  const length = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0));
  const flat = linearTarget([weights.map(() => 0), weights], [1000, 0]);
  const spy = watched({ ...flat, inputShape: [8, 8, 1] });
  const inputs = new Float32Array(64).fill(0.5);
  await attack({ recipe: 'square-3000' }, { target: spy, inputs, labels: Int32Array.of(0) });
  const best = spy.asked.reduce((most, { point }) => {
    const rise = weights.reduce((sum, w, j) => sum + w * (point[j]! - 0.5), 0);
    return Math.max(most, rise / (EPSILON * length));
  }, 0);
  expect(best).toBeGreaterThan(0.7);
  expect(best).toBeLessThanOrEqual(1);
});

test('windows reach the last rows and columns', async () => {
  const { target, inputs, labels } = await setting({ shape: [9, 9, 1], count: 2 });
  const stubborn: ScoreTarget = {
    ...target,
    scores: ({ count }) =>
      Promise.resolve(new Float32Array(4 * count).map((_, k) => Number(k % 4 === labels[0]))),
  };
  const spy = watched(stubborn);
  await attack(
    { recipe: 'square-400' },
    { target: spy, inputs: inputs.slice(0, 81), labels: labels.slice(0, 1) },
  );
  const [, start, ...proposals] = spy.asked;
  const touched = new Set<number>();
  for (const { point } of proposals.slice(60))
    point.forEach((x, at) => {
      if (x !== start!.point[at]) touched.add(at);
    });
  for (const corner of [0, 8, 72, 80]) expect(touched.has(corner)).toBe(true);
});

test.each(['linf', 'l2'] as const)(
  'in %s probabilities, as served, lead to the same search as logits',
  async (norm) => {
    const { target, inputs, labels } = await setting({ shape: [6, 6, 1] });
    const served: ScoreTarget = {
      inputShape: target.inputShape,
      classes: 4,
      async scores(batch) {
        const logits = await target.scores(batch);
        const predictions = Array.from({ length: batch.count }, (_, i) => {
          const powers = Array.from(logits.subarray(4 * i, 4 * i + 4), Math.exp);
          const sum = powers.reduce((a, b) => a + b);
          return powers.map((power) => power / sum);
        });
        const values = Float64Array.from(predictions.flat());
        const outputs = new Map([
          ['', { shape: [batch.count, 4], data: { kind: 'number', values } }],
        ] as const);
        return scoresOf(outputs, {
          url: 'http://model',
          count: batch.count,
          classes: 4,
          output: undefined,
          outputs: 'probabilities',
          probabilityFloor: 1e-12,
        });
      },
    };
    const onLogits = await attack({ norm }, { target, inputs, labels });
    const onProbabilities = await attack({ norm }, { target: served, inputs, labels });
    expect(onProbabilities.success).toEqual(onLogits.success);
    expect(onProbabilities.adversarial).toEqual(onLogits.adversarial);
    expect(onProbabilities.forwardQueries).toEqual(onLogits.forwardQueries);
  },
);

test('constraints hold in L2 too', async () => {
  const { target, inputs, labels } = await setting({ shape: [13] });
  const spy = watched(target);
  await attackBatch({
    recipe: parseRecipe({ name: 's', attack: 'square', parameters: { queries: 100 } }),
    target: spy,
    inputs,
    labels,
    ids: Array.from(labels, (_, i) => `${i}`),
    threat: {
      norm: 'l2',
      epsilon: EPSILON,
      range: [0, 1],
      access: 'scores',
      constraints: { immutable: [0, 5], rising: [7] },
    },
    seed: 4,
  });
  for (const { row, point } of spy.asked) {
    for (const j of [0, 5]) expect(point[j]).toBe(inputs[row * 13 + j]);
    expect(point[7]).toBeGreaterThanOrEqual(inputs[row * 13 + 7]!);
  }
});
