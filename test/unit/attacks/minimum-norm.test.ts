import fc from 'fast-check';
import { findAttack } from '../../../src/attacks/catalogue.ts';
import { createHyperplaneProjection } from '../../../src/attacks/minimum-norm/hyperplane.ts';
import { bestPair } from '../../../src/attacks/minimum-norm/jsma.ts';
import { lengthIn } from '../../../src/attacks/minimum-norm/lengths.ts';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import type { Recipe } from '../../../src/domain/recipe.ts';
import type { GradientTarget, LossGradient } from '../../../src/domain/target.ts';
import type { Norm } from '../../../src/domain/threat-model.ts';
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

const FEATURES = 12;
const COUNT = 10;
const INPUTS = randomInputs(COUNT, FEATURES, 5);
const IDS = Array.from({ length: COUNT }, (_, i) => `example-${i}`);
const network = (classes = 4): GradientTarget =>
  networkTarget(randomWeights({ features: FEATURES, hidden: 9, classes }, 3), [FEATURES]);

const RECIPES: Recipe[] = [
  ...['deepfool', 'ddn-80', 'fmn-60', 'fab-20', 'fab-t-15'].map(presetRecipe),
  parseRecipe({
    name: 'cw',
    attack: 'cw',
    parameters: { steps: 60, searches: 5, stepSize: 0.03, firstConstant: 0.1 },
  }),
  parseRecipe({
    name: 'cw-linf',
    attack: 'cw-linf',
    parameters: { steps: 30, rounds: 20, stepSize: 0.02 },
  }),
  parseRecipe({
    name: 'ead',
    attack: 'ead',
    parameters: { steps: 60, searches: 5, stepSize: 0.03, firstConstant: 0.1 },
  }),
];
const CASES = RECIPES.flatMap((recipe) =>
  findAttack(recipe.attack).norms.map((norm) => [recipe.name, norm, recipe] as const),
);

async function attack(
  recipe: Recipe,
  norm: Norm,
  { target = network(), epsilon = 0.05, ...rest }: Partial<AttackBatchOptions> & { epsilon?: number } = {},
): Promise<AttackedBatch> {
  return attackBatch({
    recipe,
    target,
    inputs: INPUTS,
    labels: await ownLabels(target as GradientTarget, INPUTS),
    ids: IDS,
    threat: { norm, epsilon, range: [0, 1], access: 'gradients' },
    seed: 2,
    ...rest,
  });
}

/** The same target with other gradients. */
function bent(target: GradientTarget, bend: (answer: LossGradient) => Float32Array): GradientTarget {
  return {
    ...target,
    async gradient(batch, loss) {
      const answer = await target.gradient(batch, loss);
      return { ...answer, gradient: bend(answer) };
    },
  };
}

describe.each(CASES)('%s in %s', (_name, norm, recipe) => {
  test('one run answers every epsilon', async () => {
    const small = await attack(recipe, norm, { epsilon: 1e-6 });
    const large = await attack(recipe, norm, { epsilon: 100 });
    expect(small.distance).toEqual(large.distance);
    expect(small.adversarial).toEqual(large.adversarial);
    expect(small.success.includes(1)).toBe(false);
    expect(Array.from(large.success)).toEqual(Array.from(large.distance, (d) => Number(d < Infinity)));
    expect(large.success.filter((flag) => flag === 1).length).toBeGreaterThan(COUNT - 3);
  });

  test('stopping at the first success changes whether an example falls in nothing, and costs less', async () => {
    const whole = await attack(recipe, norm, { epsilon: norm === 'l0' ? 4 : 0.3 });
    const stopped = await attack(recipe, norm, {
      epsilon: norm === 'l0' ? 4 : 0.3,
      stopsAtFirstSuccess: true,
    });
    expect(stopped.success).toEqual(whole.success);
    const spent = (batch: AttackedBatch): number => batch.forwardQueries.reduce((a, b) => a + b, 0);
    expect(spent(stopped)).toBeLessThanOrEqual(spent(whole));
  });

  test('two classes', async () => {
    const found = await attack(recipe, norm, { target: network(2) });
    const nearest = found.distance.filter((d) => d < Infinity);
    expect(nearest.length).toBeGreaterThan(COUNT / 2);
  });

  test('gradients that are quantised to their signs still lead somewhere', async () => {
    const target = bent(network(), ({ gradient }) => gradient.map((g) => Math.sign(g)));
    const found = await attack(recipe, norm, { target });
    expect(found.distance.some((d) => d < Infinity)).toBe(true);
  });

  test('without gradients it ends, and says so where nothing is found', async () => {
    const target = bent(network(), ({ gradient }) => gradient.fill(0));
    const found = await attack(recipe, norm, { target });
    found.distance.forEach((d, i) => expect(found.success[i]).toBe(Number(d <= 0.05)));
  });

  test('another range is another unit and nothing else', async () => {
    const weights = randomWeights({ features: FEATURES, hidden: 9, classes: 4 }, 3);
    const bare = networkTarget(weights, [FEATURES]);
    const scaled: GradientTarget = {
      ...bare,
      scores: (batch) => bare.scores({ ...batch, inputs: batch.inputs.map((x) => x / 256) }),
      async gradient(batch, loss) {
        const inputs = batch.inputs.map((x) => x / 256);
        const answer = await bare.gradient({ ...batch, inputs }, loss);
        return { ...answer, gradient: answer.gradient.map((g) => g / 256) };
      },
    };
    if (recipe.attack === 'cw' || recipe.attack === 'ead') return; // squares of distances against scores: the constant has a unit
    const unit = await attack(recipe, norm);
    const bytes = await attack(recipe, norm, {
      target: scaled,
      inputs: INPUTS.map((x) => 256 * x),
      labels: await ownLabels(bare, INPUTS),
      threat: { norm, epsilon: 1, range: [0, 256], access: 'gradients' },
    });
    const factor = norm === 'l0' ? 1 : 256;
    unit.distance.forEach((d, i) => {
      if (d < Infinity) expect(Math.abs(bytes.distance[i]! / factor / d - 1)).toBeLessThan(1e-3);
    });
  });
});

describe('with more classes than are looked at', () => {
  test('DeepFool and FAB ask for as many gradients per step as there are candidates', async () => {
    const parameters = { steps: 1, candidates: 2 };
    for (const name of ['deepfool', 'fab']) {
      const found = await attack(parseRecipe({ name, attack: name, parameters }), 'l2');
      expect(Array.from(found.gradientQueries)).toEqual(IDS.map(() => 2));
    }
  });

  test('FAB-T takes one gradient and two forward passes per step and class, until it stands still', async () => {
    const parameters = { steps: 3, targets: 2, restarts: 2 };
    const found = await attack(parseRecipe({ name: 'fab-t', attack: 'fab-t', parameters }), 'l2');
    expect(Array.from(found.gradientQueries)).toEqual(IDS.map(() => 12));
    expect(Array.from(found.forwardQueries)).toEqual(IDS.map(() => 1 + 24));
  });
});

test('a model that ignores its input ends FAB and DeepFool at once', async () => {
  const zeros = Array.from({ length: 3 }, () => new Array<number>(FEATURES).fill(0));
  const target = linearTarget(zeros, [1, 0, 0]);
  for (const name of ['fab-50', 'fab-t-50', 'deepfool']) {
    const found = await attack(presetRecipe(name), 'l2', { target });
    for (const spent of found.forwardQueries) expect(spent).toBeLessThanOrEqual(3);
    expect(Array.from(found.distance)).toEqual(IDS.map(() => Infinity));
  }
});

test('moves onto hyperplanes: inside the range, on the plane or as near as it can be had, no longer than other moves', () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  const slope = fc.oneof(fc.constant(0), fc.double({ min: -2, max: 2, noNaN: true }));
  fc.assert(
    fc.property(
      fc.constantFrom('linf' as const, 'l2' as const, 'l1' as const),
      fc.array(fc.tuple(fc.oneof(value, fc.constantFrom(0, 1)), slope, value), {
        minLength: 1,
        maxLength: 30,
      }),
      fc.double({ min: -3, max: 3, noNaN: true }),
      (norm, columns, wish) => {
        const point = Float32Array.from(columns, ([x]) => x);
        const normal = Float32Array.from(columns, ([, w]) => w);
        const other = Float32Array.from(columns, ([, , y]) => y);
        const along = (moves: ArrayLike<number>): number =>
          normal.reduce((sum, w, j) => sum + w * moves[j]!, 0);
        const into = new Float64Array(columns.length);
        const project = createHyperplaneProjection(norm, { features: columns.length, range: [0, 1] });
        // The plane through another point of the range, which can therefore be reached.
        const reachable = Float64Array.from(other, (y, j) => y - point[j]!);
        project(into, { point, normal, rise: along(reachable) });
        expect(Math.abs(along(into) - along(reachable))).toBeLessThan(1e-9);
        expect(lengthIn(norm, into)).toBeLessThanOrEqual(lengthIn(norm, reachable) + 1e-9);
        project(into, { point, normal, rise: wish });
        expect(Math.sign(along(into)) * Math.sign(wish)).toBeGreaterThanOrEqual(0);
        expect(Math.abs(along(into))).toBeLessThanOrEqual(Math.abs(wish) + 1e-9);
        into.forEach((d, j) => expect(point[j]! + d >= -1e-12 && point[j]! + d <= 1 + 1e-12).toBe(true));
      },
    ),
  );
});

describe('saliency maps', () => {
  const open = () => true;

  test('the pair that does most for the wanted class and against the others', () => {
    const towards = Float32Array.of(3, 1, -2, 0.5);
    const others = Float32Array.of(-1, -2, -9, 4);
    // (0, 1): 4 · 3 = 12; 2 alone raises nothing; 3 spoils both.
    expect(bestPair(towards, others, { isOpen: open, sign: 1 })).toEqual([0, 1]);
    expect(bestPair(towards, others, { isOpen: (j) => j !== 0, sign: 1 })).toEqual([1]);
    expect(bestPair(towards, others, { isOpen: (j) => j === 3, sign: 1 })).toBeUndefined();
    // Downwards all slopes turn round.
    expect(
      bestPair(
        towards.map((x) => -x),
        others.map((x) => -x),
        { isOpen: open, sign: -1 },
      ),
    ).toEqual([0, 1]);
  });

  test('is never worse than any other pair', () => {
    const slopes = fc.float32Array({ minLength: 6, maxLength: 6, min: -4, max: 4, noNaN: true });
    fc.assert(
      fc.property(slopes, slopes, (towards, others) => {
        const worth = (pair: readonly number[]): number => {
          const sum = (values: Float32Array): number => pair.reduce((total, j) => total + values[j]!, 0);
          return sum(towards) > 0 && sum(others) < 0 ? -sum(towards) * sum(others) : 0;
        };
        const best = bestPair(towards, others, { isOpen: open, sign: 1 });
        for (let p = 0; p < 6; p++)
          for (let q = p; q < 6; q++)
            expect(worth(best ?? [])).toBeGreaterThanOrEqual(worth(p === q ? [p] : [p, q]) - 1e-6);
      }),
    );
  });

  test('JSMA moves whole features, two a step, and ends at the first adversarial', async () => {
    const found = await attack(presetRecipe('jsma-40'), 'l0', { epsilon: 12 });
    expect(found.success.filter((flag) => flag === 1).length).toBeGreaterThan(4);
    found.success.forEach((success, i) => {
      const moved = Array.from({ length: FEATURES }, (_, j) => i * FEATURES + j).filter(
        (k) => found.adversarial[k] !== INPUTS[k],
      );
      expect(moved.every((k) => found.adversarial[k] === 1)).toBe(true);
      if (success === 1) expect(moved.length).toBeLessThanOrEqual(found.gradientQueries[i]! + 1);
      if (success === 1) expect(found.distance[i]).toBe(moved.length);
    });
  });
});

test('C&W in Linf comes as near as the boundary of a linear model lies', async () => {
  const weights = [
    [1, 2, -1, 0.5],
    [-1, 0, 1, 0.5],
  ];
  const target = linearTarget(weights, [0, 0]);
  const inputs = Float32Array.of(0.5, 0.6, 0.4, 0.5, 0.6, 0.5, 0.5, 0.5);
  const found = await attackBatch({
    recipe: parseRecipe({ name: 'cw-linf', attack: 'cw-linf', parameters: { rounds: 60 } }),
    target,
    inputs,
    labels: Int32Array.of(0, 0),
    ids: ['a', 'b'],
    threat: { norm: 'linf', epsilon: 1, range: [0, 1], access: 'gradients' },
    seed: 1,
  });
  // |w·x| / ‖w‖₁ with w = (2, 2, −2, 0).
  [(0.7 * 2) / 6, (0.6 * 2) / 6].forEach((nearest, i) => {
    expect(found.distance[i]! / nearest).toBeGreaterThan(1 - 1e-5);
    expect(found.distance[i]! / nearest).toBeLessThan(1.05);
  });
});
