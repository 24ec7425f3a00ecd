import { fillNormal } from '../../../src/attacks/normal-noise.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { pixelBasis } from '../../../src/attacks/score/bases.ts';
import { signNoise } from '../../../src/attacks/score/estimated.ts';
import { distanceBetween } from '../../../src/domain/distance.ts';
import type { Parameter, Recipe } from '../../../src/domain/recipe.ts';
import { createRng } from '../../../src/domain/rng.ts';
import { predictedClass, type Batch, type ScoreTarget } from '../../../src/domain/target.ts';
import type { Norm, ThreatModel } from '../../../src/domain/threat-model.ts';
import {
  attackBatch,
  type AttackBatchOptions,
  type AttackedBatch,
} from '../../../src/evaluation/attack-batch.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const SHAPE = [6, 5, 1];
const FEATURES = 30;
const COUNT = 8;
const INPUTS = randomInputs(COUNT, FEATURES, 22).map((x) => (x < 0.2 ? 0 : x));
const IDS = Array.from({ length: COUNT }, (_, i) => `example-${i}`);
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes: 4 }, 5), SHAPE);
const CASES = ['simba', 'simba-dct', 'nes', 'spsa'].flatMap((name) =>
  (['linf', 'l2'] as const).map((norm) => [name, norm] as const),
);
const epsilonOf = (norm: Norm): number => (norm === 'l2' ? 0.9 : 0.25);

const recipe = (attack: string, parameters: Record<string, Parameter> = {}): Recipe =>
  parseRecipe({ name: attack, attack, parameters: { queries: 600, ...parameters } });

async function attack(
  given: Partial<AttackBatchOptions> & { readonly recipe: Recipe },
  threat: Partial<ThreatModel> & { readonly norm: Norm },
): Promise<AttackedBatch> {
  return attackBatch({
    target: network,
    inputs: INPUTS,
    labels: await ownLabels(network, INPUTS),
    ids: IDS,
    seed: 3,
    threat: { epsilon: epsilonOf(threat.norm), range: [0, 1], access: 'scores', ...threat },
    ...given,
  });
}

describe.each(CASES)('%s in %s', (name, norm) => {
  test('most examples fall, inside ball and range', async () => {
    const labels = await ownLabels(network, INPUTS);
    const found = await attack(
      { recipe: recipe(name, name === 'spsa' ? { samples: 20, relativeStep: 0.2 } : {}) },
      { norm },
    );
    expect(found.success.reduce((a, b) => a + b)).toBeGreaterThan(COUNT / 2);
    const scores = await network.scores({
      inputs: found.adversarial,
      count: COUNT,
      rows: Int32Array.from(IDS.keys()),
    });
    found.success.forEach((flag, i) => {
      if (flag === 0) return;
      expect(predictedClass(scores, 4, i)).not.toBe(labels[i]);
      const [a, b] = [
        { values: INPUTS, row: i },
        { values: found.adversarial, row: i },
      ];
      expect(distanceBetween(norm, a, b, FEATURES)).toBeLessThanOrEqual(epsilonOf(norm));
    });
    expect(found.adversarial.every((x) => x >= 0 && x <= 1)).toBe(true);
  });

  test('neighbours do not matter', async () => {
    const labels = await ownLabels(network, INPUTS);
    const together = await attack({ recipe: recipe(name) }, { norm });
    const i = 5;
    const own = [i * FEATURES, (i + 1) * FEATURES] as const;
    const alone = await attack(
      { recipe: recipe(name), inputs: INPUTS.slice(...own), labels: labels.slice(i, i + 1), ids: [IDS[i]!] },
      { norm },
    );
    expect(alone.adversarial).toEqual(together.adversarial.slice(...own));
    expect(alone.forwardQueries[0]).toBe(together.forwardQueries[i]);
  });

  test.each([1, 2, 37])('a budget of %i is never exceeded', async (queryBudget) => {
    const found = await attack({ recipe: recipe(name) }, { norm, queryBudget });
    for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(queryBudget);
  });

  test('answers of NaN, or always the same, end it within its queries', async () => {
    for (const value of [NaN, 1]) {
      const target: ScoreTarget = {
        inputShape: SHAPE,
        classes: 4,
        scores: ({ count }: Batch) => Promise.resolve(new Float32Array(4 * count).fill(value)),
      };
      const labels = new Int32Array(COUNT);
      const found = await attack({ recipe: recipe(name), target, labels }, { norm });
      expect(found.success.includes(1)).toBe(false);
      for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(601);
    }
  });

  test('an empty batch, and one example in a model of two classes', async () => {
    const none = { inputs: new Float32Array(), labels: new Int32Array(), ids: [] };
    expect((await attack({ recipe: recipe(name), ...none }, { norm })).distance.length).toBe(0);
    const target = networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes: 2 }, 6), SHAPE);
    const inputs = INPUTS.slice(0, FEATURES);
    const found = await attack(
      { recipe: recipe(name), target, inputs, labels: await ownLabels(target, inputs), ids: ['a'] },
      { norm },
    );
    expect(found.forwardQueries[0]).toBeGreaterThan(1);
  });

  test('constraints hold', async () => {
    const constraints = { immutable: [1], rising: [4] };
    const found = await attack({ recipe: recipe(name) }, { norm, constraints });
    for (let i = 0; i < COUNT; i++) {
      expect(found.adversarial[i * FEATURES + 1]).toBe(INPUTS[i * FEATURES + 1]);
      expect(found.adversarial[i * FEATURES + 4]).toBeGreaterThanOrEqual(INPUTS[i * FEATURES + 4]!);
    }
  });
});

test('SimBA ends when no direction helps: a whole round of both signs, where there is room', async () => {
  const target: ScoreTarget = {
    inputShape: SHAPE,
    classes: 2,
    scores: ({ count }) => Promise.resolve(Float32Array.from({ length: 2 * count }, (_, k) => 1 - (k % 2))),
  };
  const inputs = new Float32Array(FEATURES).fill(0.5);
  inputs[0] = 0;
  const found = await attack(
    { recipe: recipe('simba'), target, inputs, labels: Int32Array.of(0), ids: ['one'] },
    { norm: 'linf' },
  );
  expect(found.forwardQueries[0]).toBe(1 + 2 * FEATURES - 1);
});

test('the pixel basis has every value once', () => {
  const basis = pixelBasis({ height: 3, width: 4, channels: 2 });
  expect(Array.from(basis.order(createRng('order'))).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 24 }, (_, k) => k),
  );
});

test('normal noise by table: moments, symmetry, tails', () => {
  const values = new Float64Array(200_000);
  fillNormal(values, createRng('normal'));
  const moment = (power: number): number => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
  expect(Math.abs(moment(1))).toBeLessThan(0.01);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015);
  expect(Math.abs(moment(3))).toBeLessThan(0.04);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.12);
  const beyond = (limit: number): number => values.filter((x) => Math.abs(x) > limit).length / values.length;
  expect(Math.abs(beyond(1.96) - 0.05)).toBeLessThan(0.003);
  expect(values.every((x) => Math.abs(x) <= 3.5)).toBe(true);
});

test('sign noise is fair and uses every bit once', () => {
  const values = new Float64Array(64_000);
  signNoise(values, createRng('signs'));
  expect(values.every((x) => x === 1 || x === -1)).toBe(true);
  expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(0.015);
});
