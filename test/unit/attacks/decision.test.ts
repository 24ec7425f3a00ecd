import { findAttack } from '../../../src/attacks/catalogue.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import type { Parameter, Recipe } from '../../../src/domain/recipe.ts';
import { distanceBetween } from '../../../src/domain/distance.ts';
import { predictedClass, type Batch, type ScoreTarget } from '../../../src/domain/target.ts';
import type { Norm, ThreatModel } from '../../../src/domain/threat-model.ts';
import {
  attackBatch,
  type AttackBatchOptions,
  type AttackedBatch,
} from '../../../src/evaluation/attack-batch.ts';
import {
  linearTarget,
  networkTarget,
  ownLabels,
  randomInputs,
  randomWeights,
} from '../../support/network-target.ts';

const SHAPE = [6, 5, 1];
const FEATURES = 30;
const COUNT = 8;
const INPUTS = randomInputs(COUNT, FEATURES, 21);
const IDS = Array.from({ length: COUNT }, (_, i) => `example-${i}`);
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes: 4 }, 5), SHAPE);

const recipe = (attack: string, parameters: Record<string, Parameter> = {}): Recipe =>
  parseRecipe({ name: attack, attack, parameters: { queries: 200, ...parameters } });

const ATTACKS = ['hop-skip-jump', 'boundary', 'geoda', 'sign-opt', 'salt-and-pepper', 'blended-noise'];
const CASES = ATTACKS.flatMap((name) => findAttack(name).norms.map((norm) => [name, norm] as const));

async function attack(
  given: Partial<AttackBatchOptions> & { readonly recipe: Recipe },
  threat: Partial<ThreatModel> = {},
): Promise<AttackedBatch> {
  return attackBatch({
    target: network,
    inputs: INPUTS,
    labels: await ownLabels(network, INPUTS),
    ids: IDS,
    seed: 3,
    threat: { norm: 'l2', epsilon: 0.05, range: [0, 1], access: 'decisions', ...threat },
    ...given,
  });
}

/** The same decisions, and nothing else of the scores. */
function decisionsOf(target: ScoreTarget): ScoreTarget {
  return {
    ...target,
    async scores(batch) {
      const scores = await target.scores(batch);
      const answers = new Float32Array(scores.length);
      for (let i = 0; i < batch.count; i++)
        answers[i * target.classes + predictedClass(scores, target.classes, i)] = 1;
      return answers;
    },
  };
}

describe.each(CASES)('%s in %s', (name, norm) => {
  test('what it reports is adversarial, inside the range, and as far as it says', async () => {
    const labels = await ownLabels(network, INPUTS);
    const found = await attack({ recipe: recipe(name) }, { norm });
    const scores = await network.scores({
      inputs: found.adversarial,
      count: COUNT,
      rows: Int32Array.from(IDS.keys()),
    });
    const broken = Array.from(found.distance.keys()).filter((i) => found.distance[i]! < Infinity);
    expect(broken.length).toBeGreaterThan(COUNT / 2);
    for (const i of broken) {
      expect(predictedClass(scores, 4, i)).not.toBe(labels[i]);
      const far = distanceBetween(
        norm,
        { values: INPUTS, row: i },
        { values: found.adversarial, row: i },
        FEATURES,
      );
      expect(found.distance[i]).toBeCloseTo(far, 6);
    }
    expect(found.adversarial.every((x) => x >= 0 && x <= 1)).toBe(true);
  });

  test('it sees decisions only', async () => {
    const full = await attack({ recipe: recipe(name) }, { norm });
    const bare = await attack({ recipe: recipe(name), target: decisionsOf(network) }, { norm });
    expect(bare.adversarial).toEqual(full.adversarial);
    expect(bare.forwardQueries).toEqual(full.forwardQueries);
  });

  test('neighbours do not matter', async () => {
    const labels = await ownLabels(network, INPUTS);
    const together = await attack({ recipe: recipe(name) }, { norm });
    const i = 3;
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

  test('nor are the queries of the recipe', async () => {
    const found = await attack({ recipe: recipe(name, { queries: 33 }) }, { norm });
    for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(34);
  });

  test('a model that answers NaN is never fooled, and the search ends', async () => {
    const labels = Int32Array.from(IDS, () => 1);
    const target: ScoreTarget = {
      inputShape: SHAPE,
      classes: 4,
      scores: ({ count }) => Promise.resolve(new Float32Array(4 * count).fill(NaN)),
    };
    const found = await attack({ recipe: recipe(name), target, labels }, { norm });
    expect(found.success.includes(1)).toBe(false);
    for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(201);
  });

  test('examples without a start leave, the others are attacked as ever', async () => {
    const labels = await ownLabels(network, INPUTS);
    const hopeless = 2;
    const target: ScoreTarget = {
      ...network,
      async scores(batch: Batch) {
        const scores = await network.scores(batch);
        batch.rows.forEach((row, i) => {
          if (row === hopeless) scores[i * 4 + labels[row]!] = 1e6;
        });
        return scores;
      },
    };
    const found = await attack({ recipe: recipe(name), target, labels }, { norm });
    const usual = await attack({ recipe: recipe(name), labels }, { norm });
    expect(found.distance[hopeless]).toBe(Infinity);
    for (let i = 0; i < COUNT; i++) if (i !== hopeless) expect(found.distance[i]).toBe(usual.distance[i]);
  });

  test('an empty batch', async () => {
    const none = { inputs: new Float32Array(), labels: new Int32Array(), ids: [] };
    const found = await attack({ recipe: recipe(name), ...none }, { norm });
    expect(found.distance.length).toBe(0);
  });

  test('constraints hold', async () => {
    const constraints = { immutable: [1], rising: [4], integer: [9] };
    const inputs = INPUTS.map((x, at) => (at % FEATURES === 9 ? Math.round(x) : x));
    const labels = await ownLabels(network, inputs);
    const found = await attack({ recipe: recipe(name), inputs, labels }, { norm, constraints });
    for (let i = 0; i < COUNT; i++) {
      const at = i * FEATURES;
      expect(found.adversarial[at + 1]).toBe(inputs[at + 1]);
      expect(found.adversarial[at + 4]).toBeGreaterThanOrEqual(inputs[at + 4]!);
      expect(Number.isInteger(found.adversarial[at + 9])).toBe(true);
    }
  });
});

describe('on linear models, whose nearest adversarials are known', () => {
  const features = 60;
  const weights = Array.from({ length: features }, (_, j) => Math.sin(3 * j) + 0.2);
  const inputs = randomInputs(10, features, 4).map((x) => 0.3 + 0.4 * x);
  const bias = -0.5 * weights.reduce((a, b) => a + b, 0);
  const target = linearTarget([weights.map(() => 0), weights], [0, bias]);

  test.each([
    ['hop-skip-jump', 'l2', 0.05],
    ['hop-skip-jump', 'linf', 0.1],
    ['boundary', 'l2', 0.02],
  ] as const)('%s in %s comes within a few per cent', async (name, norm: Norm, within) => {
    const labels = await ownLabels(target, inputs);
    const scores = await target.scores({
      inputs,
      count: 10,
      rows: Int32Array.from({ length: 10 }, (_, i) => i),
    });
    const found = await attackBatch({
      recipe: recipe(name, { queries: 4_000 }),
      target,
      inputs,
      labels,
      ids: Array.from(labels, (_, i) => `${i}`),
      seed: 1,
      threat: { norm, epsilon: 0.05, range: [0, 1], access: 'decisions' },
    });
    const length =
      norm === 'l2'
        ? Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0))
        : weights.reduce((sum, w) => sum + Math.abs(w), 0);
    found.distance.forEach((d, i) => {
      const exact = Math.abs(scores[2 * i + 1]!) / length;
      expect(d / exact).toBeGreaterThan(1 - 1e-4);
      expect(d / exact).toBeLessThan(1 + within);
    });
  });
});

describe('starts', () => {
  // Class 1 only in a corner where noise hardly ever lands.
  const target: ScoreTarget = {
    inputShape: SHAPE,
    classes: 2,
    scores: ({ inputs, count }) =>
      Promise.resolve(
        Float32Array.from({ length: 2 * count }, (_, k) => {
          const row = inputs.subarray((k >> 1) * FEATURES, ((k >> 1) + 1) * FEATURES);
          const isCorner = row[0]! > 0.99 && row[1]! < 0.01 && row[2]! > 0.99 && row[3]! < 0.01;
          return Number(isCorner === (k % 2 === 1));
        }),
      ),
  };
  const labels = new Int32Array(COUNT);

  test.each(['hop-skip-jump', 'boundary', 'blended-noise'])('%s begins at a given point', async (name) => {
    const starts = new Float32Array(COUNT * FEATURES).fill(0.5);
    for (let i = 0; i < COUNT; i++) starts.set([1, 0, 1, 0], i * FEATURES);
    const without = await attack({ recipe: recipe(name, { guesses: 20 }), target, labels });
    const given = await attack({ recipe: recipe(name, { guesses: 20 }), target, labels, starts });
    expect(without.distance.every((d) => d === Infinity)).toBe(true);
    for (const spent of without.forwardQueries) expect(spent).toBeLessThanOrEqual(21);
    expect(given.distance.every((d) => d < Infinity)).toBe(true);
  });

  test('of the wrong shape are refused', async () => {
    await expect(attack({ recipe: recipe('boundary'), starts: new Float32Array(7) })).rejects.toMatchObject({
      code: 'TEMPER_ATTACK_SHAPE',
    });
  });
});

test('no more points are asked at once than the recipe says, and the same ones', async () => {
  const few = recipe('hop-skip-jump', { batchRows: 5 });
  let most = 0;
  const target: ScoreTarget = {
    ...network,
    scores(batch) {
      most = Math.max(most, batch.count);
      return network.scores(batch);
    },
  };
  const labels = await ownLabels(network, INPUTS);
  const cleanScores = await network.scores({
    inputs: INPUTS,
    count: COUNT,
    rows: Int32Array.from(IDS.keys()),
  });
  const found = await attack({ recipe: few, target, labels, cleanScores });
  expect(most).toBe(5);
  for (const spent of found.forwardQueries) expect(spent).toBe(200);
});

test('access to decisions is enough for these attacks, and not for others', async () => {
  await expect(attack({ recipe: recipe('square') }, { norm: 'linf' })).rejects.toMatchObject({
    code: 'TEMPER_ATTACK_ACCESS',
  });
});

test('a targeted criterion', async () => {
  const labels = await ownLabels(network, INPUTS);
  const targets = labels.map((label) => (label + 1) % 4);
  const found = await attack(
    { recipe: recipe('hop-skip-jump'), labels, targets },
    { criterion: { kind: 'targeted' } },
  );
  const scores = await network.scores({
    inputs: found.adversarial,
    count: COUNT,
    rows: Int32Array.from(IDS.keys()),
  });
  const broken = Array.from(found.distance.keys()).filter((i) => found.distance[i]! < Infinity);
  expect(broken.length).toBeGreaterThan(0);
  for (const i of broken) expect(predictedClass(scores, 4, i)).toBe(targets[i]);
});

test.each(['geoda', 'sign-opt'])('%s comes near the boundary of a linear model in L2', async (name) => {
  const side = 16;
  const weights = Array.from({ length: side }, (_, j) => (j % 2 === 0 ? 1 : -1) * (1 + j / 10));
  const target = linearTarget([weights, weights.map((w) => -w)], [0, 0]);
  const inputs = Float32Array.from({ length: side }, (_, j) => 0.5 + 0.02 * Math.sign(weights[j]!));
  const margin = weights.reduce((sum, w, j) => sum + w * inputs[j]!, 0);
  const nearest = Math.abs(margin) / Math.hypot(...weights);
  const found = await attackBatch({
    recipe: recipe(name, { queries: 6_000 }),
    target,
    inputs,
    labels: Int32Array.of(margin > 0 ? 0 : 1),
    ids: ['a'],
    threat: { norm: 'l2', epsilon: 10, range: [0, 1], access: 'decisions' },
    seed: 1,
  });
  expect(found.distance[0]! / nearest).toBeGreaterThan(1 - 1e-4);
  expect(found.distance[0]! / nearest).toBeLessThan(1.1);
});
