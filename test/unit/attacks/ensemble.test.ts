import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { namedLoss } from '../../../src/attacks/losses/named.ts';
import { ENSEMBLE_MEANS, ensembleOf } from '../../../src/attacks/transfer/ensemble.ts';
import { createJudge } from '../../../src/domain/criterion.ts';
import { predictedClass, type GradientTarget } from '../../../src/domain/target.ts';
import { attackBatch } from '../../../src/evaluation/attack-batch.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const FEATURES = 12;
const CLASSES = 4;
const COUNT = 16;
const surrogates = [1, 2, 3].map((seed) =>
  networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes: CLASSES }, seed), [FEATURES]),
);
const INPUTS = randomInputs(COUNT, FEATURES, 4);
const IDS = Array.from({ length: COUNT }, (_, i) => String(i));
const rows = Int32Array.from(IDS.keys());
const WEIGHTS = [3, 1, 2];

describe.each(ENSEMBLE_MEANS)('mean of %s', (mean) => {
  const target = ensembleOf(surrogates, { mean, weights: WEIGHTS });
  const labels = Int32Array.from(IDS, (_, i) => i % CLASSES);
  const loss = namedLoss('ce', {
    labels,
    target,
    judge: createJudge({ classes: CLASSES, labels }),
    cleanScores: new Float32Array(),
  });

  test('the gradient is the slope', async () => {
    const at = async (inputs: Float32Array): Promise<Float32Array> =>
      (await target.gradient({ inputs, count: COUNT, rows }, loss)).losses;
    const { gradient } = await target.gradient({ inputs: INPUTS, count: COUNT, rows }, loss);
    const h = 2 ** -6;
    for (let j = 0; j < FEATURES; j++) {
      const moved = (delta: number) => INPUTS.map((x, i) => (i % FEATURES === j ? x + delta : x));
      const [above, below] = [await at(moved(h)), await at(moved(-h))];
      for (let i = 0; i < COUNT; i++)
        expect(gradient[i * FEATURES + j]).toBeCloseTo((above[i]! - below[i]!) / (2 * h), 2);
    }
  });

  test('an ensemble of one answers like the one', async () => {
    const one = surrogates[0]!;
    const batch = { inputs: INPUTS, count: COUNT, rows };
    const alone = await one.gradient(batch, loss);
    const found = await ensembleOf([one], { mean }).gradient(batch, loss);
    found.losses.forEach((value, i) => expect(value).toBeCloseTo(alone.losses[i]!, 5));
    found.gradient.forEach((value, i) => expect(value).toBeCloseTo(alone.gradient[i]!, 5));
  });

  test('scores are the mean that its name says', async () => {
    const batch = { inputs: INPUTS, count: COUNT, rows };
    const scores = await target.scores(batch);
    const own = await Promise.all(surrogates.map((one) => one.scores(batch)));
    const share = WEIGHTS.map((w) => w / 6);
    const softmax = (z: Float32Array, k: number): number =>
      Math.exp(z[k]!) / z.reduce((sum, other) => sum + Math.exp(other), 0);
    for (let k = 0; k < CLASSES; k++) {
      const expected =
        mean === 'probabilities'
          ? Math.log(own.reduce((sum, z, m) => sum + share[m]! * softmax(z.subarray(0, CLASSES), k), 0))
          : own.reduce((sum, z, m) => sum + share[m]! * z[k]!, 0);
      expect(scores[k]).toBeCloseTo(expected, 5);
    }
  });
});

test('what fools an ensemble fools its members more often than what fools one of them', async () => {
  const labels = await ownLabels(ensembleOf(surrogates, { mean: 'logits' }), INPUTS);
  const craft = async (target: GradientTarget): Promise<Float32Array> =>
    (
      await attackBatch({
        recipe: parseRecipe({ name: 'x', attack: 'bim', parameters: { steps: 20 } }),
        target,
        inputs: INPUTS,
        labels,
        ids: IDS,
        threat: { norm: 'linf', epsilon: 0.25, range: [0, 1], access: 'gradients' },
        seed: 1,
      })
    ).adversarial;
  const fooled = async (inputs: Float32Array): Promise<number> => {
    const answers = await Promise.all(surrogates.map((one) => one.scores({ inputs, count: COUNT, rows })));
    return answers.reduce(
      (sum, scores) =>
        sum + labels.reduce((n, y, i) => n + Number(predictedClass(scores, CLASSES, i) !== y), 0),
      0,
    );
  };
  const together = await fooled(await craft(ensembleOf(surrogates, { mean: 'logits' })));
  const single = await Promise.all(surrogates.map(async (one) => fooled(await craft(one))));
  expect(together).toBeGreaterThan(Math.min(...single));
});

test('surrogates that do not fit together are refused', () => {
  const other = networkTarget(randomWeights({ features: FEATURES, hidden: 4, classes: 3 }, 1), [FEATURES]);
  expect(() => ensembleOf([], { mean: 'loss' })).toThrow('got 0');
  expect(() => ensembleOf([surrogates[0]!, other], { mean: 'loss' })).toThrow('12 to 3');
  expect(() => ensembleOf(surrogates, { mean: 'loss', weights: [1, 0] })).toThrow('weights 1, 0');
});
