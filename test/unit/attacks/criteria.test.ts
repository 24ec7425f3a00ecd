import fc from 'fast-check';
import { ATTACKS } from '../../../src/attacks/catalogue.ts';
import { assertCriterionFits, criterionMistakes } from '../../../src/attacks/criteria/check.ts';
import { namedLoss } from '../../../src/attacks/losses/named.ts';
import { createJudge, type Criterion } from '../../../src/domain/criterion.ts';
import { isMisclassified } from '../../../src/domain/misclassified.ts';
import { predictedClass, type ScoreTarget } from '../../../src/domain/target.ts';
import { threatModelId, type ThreatModel } from '../../../src/domain/threat-model.ts';
import { attackBatch } from '../../../src/evaluation/attack-batch.ts';
import { createMeter } from '../../../src/models/meter.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';
import { quickRecipe } from '../../support/quick-recipes.ts';

const CLASSES = 5;
const COSTS = Array.from({ length: CLASSES }, (_, y) =>
  Array.from({ length: CLASSES }, (_, k) => Math.abs(y - k)),
);
const CRITERIA: Record<string, Criterion> = {
  misclassified: { kind: 'misclassified' },
  'one target': { kind: 'targeted', target: 2 },
  'a target by label': { kind: 'targeted', target: [1, 2, 3, 4, 0] },
  'two best': { kind: 'top-k', k: 2 },
  costly: { kind: 'costly', costs: COSTS, least: 2 },
  'reject class': { kind: 'misclassified', reject: { class: 4 } },
  'reject by confidence': { kind: 'misclassified', reject: { confidence: 0.6 } },
  'costly, with reject class': { kind: 'costly', costs: COSTS, least: 1, reject: { class: 0 } },
};
const names = Object.keys(CRITERIA);

const scoresOf = fc
  .uniqueArray(fc.integer({ min: -40, max: 40 }), { minLength: CLASSES, maxLength: CLASSES })
  .map((values) => values.map((value) => value / 8));
const labelOf = fc.nat(CLASSES - 1);

/** What each criterion says in words, on scores without ties. */
const MEANINGS: Record<string, (answer: number, label: number, scores: readonly number[]) => boolean> = {
  misclassified: (answer, label) => answer !== label,
  'one target': (answer, label) => answer === 2 && label !== 2,
  'a target by label': (answer, label) => answer === (label + 1) % CLASSES,
  'two best': (_, label, scores) => scores.filter((z) => z > scores[label]!).length >= 2,
  costly: (answer, label) => Math.abs(answer - label) >= 2,
  'reject class': (answer, label) => answer !== label && answer !== 4,
  'reject by confidence': (answer, label, scores) =>
    answer !== label && 1 / scores.reduce((sum, z) => sum + Math.exp(z - scores[answer]!), 0) >= 0.6,
  'costly, with reject class': (answer, label) => answer !== label && answer !== 0,
};

test.each(names)('%s: means what it says', (name) => {
  fc.assert(
    fc.property(scoresOf, labelOf, (scores, label) => {
      const judge = createJudge({
        criterion: CRITERIA[name],
        classes: CLASSES,
        labels: Int32Array.of(label),
      });
      const row = Float32Array.from([...scores.map(() => 0), ...scores]);
      const answer = predictedClass(row, CLASSES, 1);
      const meant = MEANINGS[name]!(answer, label, scores);
      expect(judge.isSuccess(row, 1, 0)).toBe(meant);
      if (meant) expect(judge.canSucceed(0)).toBe(true);
    }),
  );
});

test('top-1 is misclassification, ties and odd numbers included', () => {
  const odd = fc.constantFrom(0, 1, -1, NaN, Infinity, -Infinity);
  fc.assert(
    fc.property(fc.array(odd, { minLength: 3, maxLength: 3 }), fc.nat(2), (scores, label) => {
      const options = { classes: 3, labels: Int32Array.of(label) };
      const row = Float32Array.from(scores);
      const judge = createJudge({ ...options, criterion: { kind: 'top-k', k: 1 } });
      expect(judge.isSuccess(row, 0, 0)).toBe(isMisclassified(row, 3, 0, label));
    }),
  );
});

test('an answer that overflowed is never a success', () => {
  for (const criterion of Object.values(CRITERIA)) {
    for (const value of [NaN, Infinity, -Infinity]) {
      const judge = createJudge({ criterion, classes: CLASSES, labels: Int32Array.of(3) });
      expect(judge.isSuccess(new Float32Array(CLASSES).fill(value), 0, 0)).toBe(false);
    }
  }
});

describe.each(names)('losses for %s', (name) => {
  const lossOf = (loss: 'ce' | 'margin' | 'dlr', label: number) => {
    const labels = Int32Array.of(label);
    const bound = namedLoss(loss, {
      labels,
      cleanScores: new Float32Array(CLASSES),
      target: { classes: CLASSES } as ScoreTarget,
      judge: createJudge({ criterion: CRITERIA[name], classes: CLASSES, labels }),
    });
    return (scores: readonly number[]) =>
      bound(Float32Array.from(scores), { inputs: new Float32Array(), count: 1, rows: Int32Array.of(0) });
  };

  test.each(['ce', 'margin', 'dlr'] as const)('%s: the derivative is the slope', (loss) => {
    fc.assert(
      fc.property(scoresOf, labelOf, (scores, label) => {
        const at = lossOf(loss, label);
        const { derivative } = at(scores);
        // The lesser of two terms has a kink where they meet.
        fc.pre(name !== 'reject by confidence' || loss !== 'margin' || Math.abs(kink(scores, label)) > 0.1);
        const h = 2 ** -7;
        scores.forEach((_, k) => {
          const moved = (delta: number): number =>
            at(scores.map((z, j) => (j === k ? z + delta : z))).values[0]!;
          const slope = (moved(h) - moved(-h)) / (2 * h);
          const sorted = [...scores].sort((a, b) => b - a);
          const spread = Math.min(1, sorted[0]! - sorted[2]!);
          expect(Math.abs(derivative[k]! - slope)).toBeLessThan(5e-3 + (80 * h * h) / spread ** 4);
        });
      }),
    );
  });

  test('the margin is above 0 exactly at success', () => {
    fc.assert(
      fc.property(scoresOf, labelOf, (scores, label) => {
        const judge = createJudge({
          criterion: CRITERIA[name],
          classes: CLASSES,
          labels: Int32Array.of(label),
        });
        if (!judge.canSucceed(0)) return;
        const value = lossOf('margin', label)(scores).values[0]!;
        fc.pre(Math.abs(value) > 1e-6);
        expect(value > 0).toBe(judge.isSuccess(Float32Array.from(scores), 0, 0));
      }),
    );
  });
});

function kink(scores: readonly number[], label: number): number {
  const others = scores.filter((_, k) => k !== label);
  const best = Math.max(...others);
  const share = best - Math.log(scores.reduce((sum, z) => sum + Math.exp(z), 0));
  return best - scores[label]! - (share - Math.log(0.6));
}

const FEATURES = 20;
const COUNT = 10;
const network = networkTarget(
  randomWeights({ features: FEATURES, hidden: 12, classes: CLASSES }, 7),
  [4, 5, 1],
);
const INPUTS = randomInputs(COUNT, FEATURES, 3);
const IDS = Array.from({ length: COUNT }, (_, i) => `example-${i}`);
const CASES = ATTACKS.flatMap((attack) => names.map((name) => [attack.name, name, attack] as const));

test.each(CASES)('%s under %s: what it finds meets the criterion', async (_, name, attack) => {
  const labels = await ownLabels(network, INPUTS);
  const criterion = CRITERIA[name]!;
  const norm = attack.norms[0]!;
  const threat: ThreatModel = {
    norm,
    epsilon: { linf: 0.3, l2: 1.2, l1: 4, l0: 6 }[norm],
    range: [0, 1],
    access: 'gradients',
    criterion,
  };
  const found = await attackBatch({
    recipe: quickRecipe(attack),
    target: network,
    inputs: INPUTS,
    labels,
    ids: IDS,
    threat,
    seed: 1,
  });
  const scores = await network.scores({
    inputs: found.adversarial,
    count: COUNT,
    rows: Int32Array.from(IDS.keys()),
  });
  labels.forEach((label, i) => {
    if (found.success[i] !== 1) return;
    const row = Array.from(scores.subarray(i * CLASSES, (i + 1) * CLASSES));
    expect(MEANINGS[name]!(predictedClass(scores, CLASSES, i), label, row)).toBe(true);
  });
});

test('PGD with a target finds the target far more often than without', async () => {
  const labels = await ownLabels(network, INPUTS);
  const targets = labels.map((label) => (label + 2) % CLASSES);
  const common = { target: network, inputs: INPUTS, labels, ids: IDS, seed: 1 };
  const pgd = ATTACKS.find(({ name }) => name === 'pgd')!;
  const recipe = {
    ...quickRecipe(pgd),
    parameters: { steps: 20, restarts: 1, start: 'uniform', loss: 'ce' },
  };
  const threat: ThreatModel = { norm: 'linf', epsilon: 0.6, range: [0, 1], access: 'gradients' };
  const aimed = await attackBatch({
    ...common,
    recipe,
    targets,
    threat: { ...threat, criterion: { kind: 'targeted' } },
  });
  const scoresAt = (inputs: Float32Array) =>
    network.scores({ inputs, count: COUNT, rows: Int32Array.from(IDS.keys()) });
  const hits = async (inputs: Float32Array): Promise<number> => {
    const scores = await scoresAt(inputs);
    return targets.reduce((sum, t, i) => sum + Number(predictedClass(scores, CLASSES, i) === t), 0);
  };
  const blind = await attackBatch({ ...common, recipe, threat });
  expect(await hits(aimed.adversarial)).toBe(aimed.success.reduce((a, b) => a + b, 0));
  expect(await hits(aimed.adversarial)).toBeGreaterThan((await hits(blind.adversarial)) + 3);
});

test('an example whose label is the target is asked once and then left alone', async () => {
  const threat: ThreatModel = {
    norm: 'linf',
    epsilon: 1,
    range: [0, 1],
    access: 'scores',
    criterion: { kind: 'targeted', target: 1 },
  };
  const meter = createMeter({
    target: network,
    inputs: INPUTS,
    labels: new Int32Array(COUNT).fill(1),
    threat,
  });
  const batch = { inputs: INPUTS, count: COUNT, rows: Int32Array.from(IDS.keys()) };
  expect((await meter.target.scores(batch)).every(Number.isFinite)).toBe(true);
  expect(IDS.some((_, example) => meter.isLive(example))).toBe(false);
});

test('the identity of a threat model without a criterion stays what it was', () => {
  const threat: ThreatModel = { norm: 'linf', epsilon: 0.3, range: [0, 1], access: 'gradients' };
  expect(threatModelId(threat)).toBe('7a121af16989dcaa');
  expect(threatModelId({ ...threat, criterion: { kind: 'top-k', k: 2 } })).not.toBe('7a121af16989dcaa');
});

test.each<[string, Criterion]>([
  ['a target that is no class', { kind: 'targeted', target: 5 }],
  ['targets of other labels', { kind: 'targeted', target: [1, 2] }],
  ['no target at all', { kind: 'targeted' }],
  ['as many best as classes', { kind: 'top-k', k: 5 }],
  [
    'costs of another model',
    {
      kind: 'costly',
      costs: [
        [0, 1],
        [1, 0],
      ],
      least: 1,
    },
  ],
  ['a reject class that is none', { kind: 'misclassified', reject: { class: -1 } }],
])('%s is refused with the reason', (_, criterion) => {
  expect(criterionMistakes(criterion, { classes: CLASSES, hasTargets: false })).toHaveLength(1);
  expect(() => assertCriterionFits(criterion, { classes: CLASSES, hasTargets: false })).toThrow(
    /: expected .*, got /,
  );
});
