import fc from 'fast-check';
import { findAttack } from '../../../src/attacks/catalogue.ts';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { distanceBetween } from '../../../src/domain/distance.ts';
import { isMisclassified } from '../../../src/domain/misclassified.ts';
import type { Recipe } from '../../../src/domain/recipe.ts';
import { permutation, createRng } from '../../../src/domain/rng.ts';
import type { ScoreTarget } from '../../../src/domain/target.ts';
import type { Norm, ThreatModel } from '../../../src/domain/threat-model.ts';
import { attackBatch, type AttackedBatch } from '../../../src/evaluation/attack-batch.ts';
import {
  networkTarget,
  ownLabels,
  randomInputs,
  randomWeights,
  type CountingTarget,
} from '../../support/network-target.ts';

const SHAPE = [4, 5, 1];
const FEATURES = 20;
const CLASSES = 5;
const WEIGHTS = randomWeights({ features: FEATURES, hidden: 12, classes: CLASSES }, 7);
const COUNT = 12;
const INPUTS = randomInputs(COUNT, FEATURES, 3);
const IDS = Array.from({ length: COUNT }, (_, i) => `example-${i}`);

const RECIPES: Recipe[] = [
  ...[
    'fgsm',
    'bim-5',
    'mi-fgsm-5',
    'iterative-least-likely-5',
    'pgd-6x2',
    'pgd-margin-4',
    'apgd-ce-12',
    'apgd-dlr-8',
    'apgd-t-5',
    'apgd-margin-6',
    'square-40x2',
    'r-fgsm',
    'ni-fgsm-5',
    'di-fgsm-5',
    'ti-fgsm-5',
    'si-fgsm-4',
    'vmi-fgsm-4',
    'trades-pgd-8x2',
    'deepfool',
    'ddn-60',
    'fmn-20',
    'fab-6x2',
    'fab-t-5x2',
  ].map(presetRecipe),
  parseRecipe({ name: 'square-rescaled', attack: 'square', parameters: { queries: 30, rescale: true } }),
  parseRecipe({
    name: 'pgd-diversified',
    attack: 'pgd',
    parameters: { steps: 4, restarts: 2, start: 'diversified', temperature: 'auto', draws: 2 },
  }),
  parseRecipe({
    name: 'ti-di-fgsm',
    attack: 'ti-fgsm',
    parameters: { steps: 4, kernelSize: 3, probability: 0.7, smallest: 0.5, decay: 1 },
  }),
  parseRecipe({
    name: 'apgd-shrinking',
    attack: 'apgd-ce',
    parameters: { steps: 12, restarts: 2, shrinkingBall: true },
  }),
  parseRecipe({
    name: 'cw',
    attack: 'cw',
    parameters: { steps: 12, searches: 3, stepSize: 0.05, firstConstant: 1 },
  }),
  parseRecipe({
    name: 'ead',
    attack: 'ead',
    parameters: { steps: 12, searches: 3, stepSize: 0.05, firstConstant: 1 },
  }),
  parseRecipe({ name: 'apgd-averaged', attack: 'apgd-ce', parameters: { steps: 4, draws: 2 } }),
];
const CASES = RECIPES.flatMap((recipe) =>
  findAttack(recipe.attack)
    .norms.filter((norm) => norm !== 'l0')
    .map((norm) => [recipe.name, norm, recipe] as const),
);

const target = (): CountingTarget => networkTarget(WEIGHTS, SHAPE);
const threatOf = (norm: Norm, epsilon: number): ThreatModel => ({
  norm,
  epsilon,
  range: [0, 1],
  access: 'gradients',
});
const EPSILON = { linf: 0.04, l2: 0.15, l1: 1, l0: 1 };

/** Labels of the network, two of them wrong on purpose. */
async function labelsOf(): Promise<Int32Array> {
  const labels = await ownLabels(target(), INPUTS);
  labels[2] = (labels[2]! + 1) % CLASSES;
  labels[7] = (labels[7]! + 2) % CLASSES;
  return labels;
}

function rowsOf(batch: AttackedBatch, row: number): unknown {
  return {
    adversarial: Array.from(batch.adversarial.subarray(row * FEATURES, (row + 1) * FEATURES)),
    success: batch.success[row],
    distance: batch.distance[row],
    forwards: batch.forwardQueries[row],
    gradients: batch.gradientQueries[row],
    cleanScores: Array.from(batch.cleanScores.subarray(row * CLASSES, (row + 1) * CLASSES)),
  };
}

describe.each(CASES)('%s in %s', (_name, norm, recipe) => {
  const threat = threatOf(norm, EPSILON[norm]);
  const { kind } = findAttack(recipe.attack);

  async function attack(
    order: readonly number[],
    given: Partial<Parameters<typeof attackBatch>[0]> = {},
  ): Promise<AttackedBatch> {
    const labels = await labelsOf();
    return attackBatch({
      recipe,
      target: target(),
      inputs: Float32Array.from(
        order.flatMap((row) => Array.from(INPUTS.subarray(row * FEATURES, (row + 1) * FEATURES))),
      ),
      labels: Int32Array.from(order, (row) => labels[row]!),
      ids: order.map((row) => IDS[row]!),
      threat,
      seed: 11,
      ...given,
    });
  }
  const all = IDS.map((_, i) => i);

  test('together, apart and in another order: identical bytes', async () => {
    const together = await attack(all);
    const order = Array.from(permutation(COUNT, createRng('order')));
    const shuffled = await attack(order);
    for (const row of all) {
      const apart = await attack([row]);
      expect(rowsOf(apart, 0)).toEqual(rowsOf(together, row));
      expect(rowsOf(shuffled, order.indexOf(row))).toEqual(rowsOf(together, row));
    }
  });

  test('successes are misclassified by the target, inside the ball and the range; failures leave the original or lie beyond', async () => {
    const labels = await labelsOf();
    const found = await attack(all);
    const scores = await target().scores({
      inputs: found.adversarial,
      count: COUNT,
      rows: Int32Array.from(all),
    });
    for (const row of all) {
      const d = distanceBetween(norm, { values: INPUTS, row }, { values: found.adversarial, row }, FEATURES);
      if (found.distance[row] === Infinity) {
        expect(d).toBe(0);
        expect(found.success[row]).toBe(0);
        continue;
      }
      expect(isMisclassified(scores, CLASSES, row, labels[row]!)).toBe(true);
      expect(d <= threat.epsilon).toBe(found.success[row] === 1);
      if (kind === 'fixed-epsilon') expect(found.success[row]).toBe(1);
      expect(found.distance[row]).toBe(Math.fround(d));
    }
    for (const value of found.adversarial) expect(value >= 0 && value <= 1).toBe(true);
    for (const row of [2, 7])
      expect(rowsOf(found, row)).toMatchObject({ success: 1, distance: 0, forwards: 1, gradients: 0 });
    // The attack does something: some fall that were read right, and with no more power none would.
    const fallen = all.filter((row) => found.success[row] === 1).length;
    expect(fallen).toBeGreaterThan(2);
  });

  test('counts are what the target was really asked, and nobody is asked after the first success', async () => {
    const asked = target();
    const found = await attack(all, { target: asked });
    for (const row of all) {
      const mine = asked.asked.flatMap(({ kind, rows }) => rows.filter((r) => r === row).map(() => kind));
      expect(found.forwardQueries[row]).toBe(mine.length);
      expect(found.gradientQueries[row]).toBe(mine.filter((kind) => kind === 'gradient').length);
    }
  });

  test('a budget is never exceeded', async () => {
    for (const queryBudget of [1, 2, 5]) {
      const found = await attack(all, { threat: { ...threat, queryBudget } });
      for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(queryBudget);
    }
  });

  test('no examples: nothing is asked', async () => {
    const asked = target();
    const found = await attack([], { target: asked });
    expect(found.success.length).toBe(0);
    expect(asked.asked.length).toBe(0);
  });

  test('epsilon 0: only what is misread already counts, for one query each', async () => {
    const found = await attack(all, { threat: { ...threat, epsilon: 0 } });
    expect(all.filter((row) => found.success[row] === 1)).toEqual([2, 7]);
    expect(Array.from(found.forwardQueries)).toEqual(all.map(() => 1));
    expect(found.adversarial).toEqual(INPUTS);
  });

  test('all misread already: one query each', async () => {
    const own = await ownLabels(target(), INPUTS);
    const found = await attack(all, { labels: own.map((label) => (label + 1) % CLASSES) });
    expect(Array.from(found.success)).toEqual(all.map(() => 1));
    expect(Array.from(found.forwardQueries)).toEqual(all.map(() => 1));
  });

  test('known clean scores are not asked for again', async () => {
    const before = await attack(all);
    const after = await attack(all, { cleanScores: before.cleanScores });
    expect(after.adversarial).toEqual(before.adversarial);
    expect(Array.from(after.forwardQueries)).toEqual(Array.from(before.forwardQueries, (spent) => spent - 1));
  });

  test('rows with NaN scores, losses and gradients neither succeed nor harm the others', async () => {
    const healthy = await attack(all);
    const sick = target();
    const poison = (values: Float32Array, rows: Int32Array, width: number): Float32Array => {
      rows.forEach((row, i) => {
        if (row === 4 || row === 5) values.fill(row === 4 ? NaN : Infinity, i * width, (i + 1) * width);
      });
      return values;
    };
    let clean = true;
    const found = await attack(all, {
      target: {
        ...sick,
        scores: async (batch) => {
          const scores = await sick.scores(batch);
          if (clean) clean = false;
          else poison(scores, batch.rows, CLASSES);
          return scores;
        },
        gradient: async (batch, loss) => {
          const { scores, losses, gradient } = await sick.gradient(batch, loss);
          return {
            scores: poison(scores, batch.rows, CLASSES),
            losses: poison(losses, batch.rows, 1),
            gradient: poison(gradient, batch.rows, FEATURES),
          };
        },
      },
    });
    for (const row of all.filter((r) => r !== 4 && r !== 5))
      expect(rowsOf(found, row)).toEqual(rowsOf(healthy, row));
    expect(found.success[4]).toBe(0);
    expect(found.success[5]).toBe(0);
    for (const value of found.adversarial) expect(Number.isFinite(value)).toBe(true);
  });

  test('gradients of 0 do not stop the batch', async () => {
    const flat = target();
    const found = await attack(all, {
      target: {
        ...flat,
        gradient: async (batch, loss) => {
          const answer = await flat.gradient(batch, loss);
          return { ...answer, gradient: answer.gradient.fill(0) };
        },
      },
    });
    expect(found.success.length).toBe(COUNT);
  });
});

test('whatever inputs, epsilon and seed: the promises hold', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...CASES),
      fc.integer({ min: 0, max: 6 }),
      fc.nat(1000),
      fc.double({ min: 1e-7, max: 1.5, noNaN: true }),
      async ([, norm, recipe], count, seed, epsilon) => {
        const { kind } = findAttack(recipe.attack);
        const inputs = randomInputs(count, FEATURES, seed);
        // Corners of the range too.
        for (let i = 0; i < inputs.length; i += 3) inputs[i] = i % 2;
        const labels = await ownLabels(target(), inputs);
        const threat = threatOf(norm, epsilon);
        const ids = Array.from({ length: count }, (_, i) => String(i));
        const found = await attackBatch({ recipe, target: target(), inputs, labels, ids, threat, seed });
        const rows = Int32Array.from(labels.keys());
        const scores = await target().scores({ inputs: found.adversarial, count, rows });
        for (const row of rows) {
          const d = distanceBetween(
            norm,
            { values: inputs, row },
            { values: found.adversarial, row },
            FEATURES,
          );
          if (kind === 'fixed-epsilon') expect(d).toBeLessThanOrEqual(epsilon);
          expect(isMisclassified(scores, CLASSES, row, labels[row]!)).toBe(found.distance[row]! < Infinity);
          expect(found.distance[row]! < Infinity && d <= epsilon).toBe(found.success[row] === 1);
        }
        for (const value of found.adversarial) expect(value >= 0 && value <= 1).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('the seed and the recipe decide the draws', async () => {
  const labels = await labelsOf();
  const run = (recipe: string, seed: number): Promise<AttackedBatch> =>
    attackBatch({
      recipe: presetRecipe(recipe),
      target: target(),
      inputs: INPUTS,
      labels,
      ids: IDS,
      threat: threatOf('linf', 0.2),
      seed,
    });
  const one = await run('square-40', 1);
  expect((await run('square-40', 1)).adversarial).toEqual(one.adversarial);
  expect((await run('square-40', 2)).adversarial).not.toEqual(one.adversarial);
});

test('later restarts run only on survivors and break no fewer', async () => {
  const labels = await labelsOf();
  const run = (recipe: string): Promise<AttackedBatch> =>
    attackBatch({
      recipe: presetRecipe(recipe),
      target: target(),
      inputs: INPUTS,
      labels,
      ids: IDS,
      threat: threatOf('linf', 0.02),
      seed: 1,
    });
  const many = await run('pgd-3x6');
  many.forwardQueries.forEach((spent, row) => {
    if (many.success[row] === 0) expect(spent).toBe(1 + 6 * 4);
    else expect(spent).toBeLessThanOrEqual(1 + 6 * 4);
  });
  expect(many.success.includes(0)).toBe(true);
});

describe('mistakes', () => {
  const base = {
    recipe: presetRecipe('pgd-2'),
    target: target(),
    inputs: INPUTS,
    labels: new Int32Array(COUNT),
    ids: IDS,
    threat: threatOf('linf', 0.1),
    seed: 0,
  };
  const scoresOnly: ScoreTarget = { inputShape: SHAPE, classes: CLASSES, scores: base.target.scores };
  const dirty = (value: number): Float32Array => INPUTS.map((x, i) => (i === FEATURES + 2 ? value : x));
  test.each([
    ['TEMPER_ATTACK_UNKNOWN', { recipe: { ...base.recipe, attack: 'magic' } }, 'got "magic"'],
    ['TEMPER_ATTACK_PARAMETER', { recipe: { ...base.recipe, parameters: { steps: -1 } } }, 'steps'],
    ['TEMPER_ATTACK_PARAMETER', { threat: threatOf('linf', -1) }, 'got -1'],
    ['TEMPER_ATTACK_PARAMETER', { threat: threatOf('linf', NaN) }, 'got NaN'],
    [
      'TEMPER_ATTACK_PARAMETER',
      { recipe: presetRecipe('square-10'), threat: threatOf('l1', 1) },
      'square works in linf, l2, the threat model asks for l1',
    ],
    ['TEMPER_ATTACK_ACCESS', { target: scoresOnly }, 'pgd needs gradients, the target gives only scores'],
    [
      'TEMPER_ATTACK_ACCESS',
      { threat: { ...base.threat, access: 'scores' as const } },
      'the threat model grants only scores',
    ],
    [
      'TEMPER_ATTACK_SHAPE',
      { inputs: INPUTS.slice(1) },
      'expected 12 inputs of 20 values (shape 4×5×1), got 239',
    ],
    ['TEMPER_ATTACK_SHAPE', { ids: ['a'] }, 'expected one id per label (12), got 1'],
    [
      'TEMPER_ATTACK_SHAPE',
      { labels: new Int32Array(COUNT).fill(5) },
      'expected labels 0 to 4, got 5 at example 0',
    ],
    ['TEMPER_ATTACK_SHAPE', { inputs: dirty(NaN) }, 'got NaN at example 1 (example-1), feature 2'],
    ['TEMPER_ATTACK_SHAPE', { inputs: dirty(1.5) }, 'expected values from 0 to 1, got 1.5'],
    ['TEMPER_ATTACK_SHAPE', { cleanScores: new Float32Array(3) }, 'expected 12 rows of 5 clean scores'],
  ])('%s', async (code, change, message) => {
    const failure: unknown = await attackBatch({ ...base, ...change }).catch((caught: unknown) => caught);
    expect(failure).toMatchObject({ code });
    expect((failure as Error).message).toContain(message);
  });

  test('score attacks need no gradients', async () => {
    const found = await attackBatch({
      ...base,
      recipe: presetRecipe('square-5'),
      target: scoresOnly,
      threat: { ...base.threat, access: 'scores' },
    });
    expect(Array.from(found.gradientQueries)).toEqual(IDS.map(() => 0));
  });

  test('what the target throws is thrown', async () => {
    const broken = { ...base.target, gradient: () => Promise.reject(new Error('reset by peer')) };
    const own = await ownLabels(base.target, INPUTS);
    await expect(attackBatch({ ...base, labels: own, target: broken })).rejects.toThrow('reset by peer');
  });
});
