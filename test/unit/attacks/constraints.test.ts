import fc from 'fast-check';
import { ATTACKS } from '../../../src/attacks/catalogue.ts';
import { createConstrainedBall } from '../../../src/attacks/constraints/constrained-ball.ts';
import { feasibilityOf } from '../../../src/attacks/constraints/threat-ball.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { isFeasible, rulesOf, type Constraints } from '../../../src/domain/constraints.ts';
import { createMeasure, measureOf } from '../../../src/domain/distance.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { GradientTarget } from '../../../src/domain/target.ts';
import { NORMS, type Norm, type ThreatModel } from '../../../src/domain/threat-model.ts';
import { attackAndRefineOn } from '../../../src/evaluation/tasks.ts';
import { attackBatch } from '../../../src/evaluation/attack-batch.ts';
import { createMeter } from '../../../src/models/meter.ts';
import { networkTarget, ownLabels, randomWeights } from '../../support/network-target.ts';
import { quickRecipe } from '../../support/quick-recipes.ts';

const FEATURES = 10;
const RANGE = [-4, 9] as const;

/** Features 0–2 free, scaled and bounded; 3 immutable; 4, 5 whole; 6 rising; 7–9 one-hot: a row of a fraud model. */
const FRAUD: Constraints = {
  bounds: [
    [1, -2.5, 2.1],
    [4, 0, 7],
    [6, -3, 8],
  ],
  scales: [
    [1, 0.25],
    [4, 3],
    [5, 2],
    [7, 4],
    [8, 4],
    [9, 4],
  ],
  immutable: [3],
  integer: [4, 5],
  oneHot: [[7, 8, 9]],
  rising: [6],
  falling: [2],
};

const subsetOf = (features: readonly number[]): fc.Arbitrary<number[]> =>
  fc.subarray([...features]).map((list) => list.sort((a, b) => a - b));

/** Any constraints that do not contradict each other. */
const constraintsOf: fc.Arbitrary<Constraints> = fc
  .record({
    bounded: subsetOf([0, 1, 2, 3, 4, 5, 6]),
    scaled: subsetOf([0, 1, 4, 5, 7, 8, 9]),
    immutable: subsetOf([0, 3, 5, 8]),
    integer: subsetOf([3, 4, 5, 6]),
    rising: subsetOf([1, 4, 6, 7]),
    falling: subsetOf([2, 9]),
    grouped: fc.boolean(),
    low: fc.integer({ min: -4, max: 0 }),
    high: fc.integer({ min: 1, max: 9 }),
    scale: fc.constantFrom(0.1, 0.3, 2, 5),
  })
  .map(({ bounded, scaled, grouped, low, high, scale, ...lists }) => ({
    ...lists,
    bounds: bounded.map((j) => [j, low, high + 0.1 * (j % 2)] as const),
    scales: scaled.map((j) => [j, scale] as const),
    oneHot: grouped ? [[7, 8, 9]] : [],
  }));

/** Mostly orderly rows, and now and then one that breaks its own rules, as real data do. */
const originalOf = fc
  .tuple(
    fc.array(fc.float({ min: -4, max: 9, noNaN: true }), { minLength: 4, maxLength: 4 }),
    fc.array(fc.integer({ min: -4, max: 9 }), { minLength: 2, maxLength: 2 }),
    fc.float({ min: -4, max: 9, noNaN: true }),
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom([1, 0, 0], [0, 1, 0], [0, 0, 1]) },
      { weight: 1, arbitrary: fc.constantFrom([0, 0, 0], [1, 1, 0], [0.5, 0, 0.5]) },
    ),
  )
  .map(([free, whole, rising, group]) => Float32Array.from([...free, ...whole, rising, ...group]));
const wishOf = fc
  .array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: FEATURES, maxLength: FEATURES })
  .map((values) => Float32Array.from(values));
const epsilonOf = fc.constantFrom(0, 0.05, 0.3, 1, 2.5, 7);

/** Zeros without their sign, which no model sees. */
const signless = (values: Float32Array): number[] => Array.from(values, (x) => x + 0);
const pointOf = (values: Float32Array) => ({ values, rows: Int32Array.of(0), count: 1 });

describe.each(NORMS)('the constrained ball in %s', (norm) => {
  test('settled points are feasible, in the range and in the ball, and stay where they are', () => {
    fc.assert(
      fc.property(constraintsOf, originalOf, wishOf, epsilonOf, (constraints, originals, wish, epsilon) => {
        const rules = rulesOf(constraints, { features: FEATURES, range: RANGE });
        const ball = createConstrainedBall(norm, {
          originals,
          features: FEATURES,
          epsilon,
          range: RANGE,
          rules,
        });
        const measure = createMeasure(norm, rules);
        const distance = (point: Float32Array): number =>
          measure({ values: originals, row: 0 }, { values: point, row: 0 });
        const point = wish.slice();
        ball.project(pointOf(point));
        expect(distance(point)).toBeLessThanOrEqual(epsilon);
        ball.settle(pointOf(point));
        expect(isFeasible(rules, point, originals)).toBe(true);
        expect(distance(point)).toBeLessThanOrEqual(epsilon);
        expect(point.every((x) => x >= RANGE[0] && x <= RANGE[1])).toBe(true);
        const again = point.slice();
        ball.settle(pointOf(again));
        expect(signless(again)).toEqual(signless(point));
        const centre = originals.slice();
        ball.settle(pointOf(centre));
        expect(signless(centre)).toEqual(signless(originals));
      }),
      { numRuns: 300 },
    );
  });

  test('draws, once projected, are in the ball, and a step along a normalised gradient has length 1', () => {
    const originals = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 1, 0, 0);
    const rules = rulesOf(FRAUD, { features: FEATURES, range: RANGE });
    const ball = createConstrainedBall(norm, {
      originals,
      features: FEATURES,
      epsilon: 2,
      range: RANGE,
      rules,
    });
    const measure = measureOf({ norm, range: RANGE, constraints: FRAUD }, FEATURES);
    for (const draw of ['drawInside', 'drawSurface'] as const) {
      const point = new Float32Array(FEATURES);
      ball[draw](point, 0, createRng(draw));
      ball.settle(pointOf(point));
      expect(isFeasible(rules, point, originals)).toBe(true);
      expect(measure({ values: originals, row: 0 }, { values: point, row: 0 })).toBeLessThanOrEqual(2);
    }
    if (norm === 'l0') return;
    const direction = Float32Array.from(originals, (_, j) => Math.cos(j + 0.5));
    ball.normalise(direction, 1);
    const origin = new Float32Array(FEATURES);
    expect(measure({ values: origin, row: 0 }, { values: direction, row: 0 })).toBeCloseTo(1, 6);
  });
});

test('in Linf the settled point is the nearest feasible one', () => {
  const originals = Float32Array.of(0, 0, 0, 0, 4, 5, 0, 1, 0, 0);
  const rules = rulesOf(FRAUD, { features: FEATURES, range: RANGE });
  fc.assert(
    fc.property(wishOf, fc.constantFrom(0.2, 0.5, 1), (wish, epsilon) => {
      const ball = createConstrainedBall('linf', {
        originals,
        features: FEATURES,
        epsilon,
        range: RANGE,
        rules,
      });
      const point = wish.slice();
      ball.settle(pointOf(point));
      const within = (low: number, high: number): number[] =>
        Array.from({ length: high - low + 1 }, (_, i) => low + i);
      const nearest = (options: number[], j: number): number =>
        options.reduce((best, x) => (Math.abs(x - wish[j]!) < Math.abs(best - wish[j]!) ? x : best));
      const four = within(0, 7).filter((x) => Math.abs(x - 4) / 3 <= epsilon);
      const five = within(-4, 9).filter((x) => Math.abs(x - 5) / 2 <= epsilon);
      expect(Math.abs(point[4]! - wish[4]!)).toBe(Math.abs(nearest(four, 4) - wish[4]!));
      expect(Math.abs(point[5]! - wish[5]!)).toBe(Math.abs(nearest(five, 5) - wish[5]!));
      expect(point[6]!).toBeGreaterThanOrEqual(0);
      // A change of category has length 1/4.
      if (epsilon < 0.25) expect(Array.from(point.subarray(7))).toEqual([1, 0, 0]);
    }),
  );
});

test('without a ball points go to the nearest feasible one, however far', () => {
  fc.assert(
    fc.property(constraintsOf, originalOf, wishOf, (constraints, originals, wish) => {
      const place = { norm: 'l2' as const, range: RANGE, constraints, epsilon: undefined };
      const point = wish.slice();
      feasibilityOf(place, { originals, features: FEATURES })!.makeFeasible(pointOf(point));
      expect(isFeasible(rulesOf(constraints, { features: FEATURES, range: RANGE }), point, originals)).toBe(
        true,
      );
    }),
  );
});

const COUNT = 8;
const CLASSES = 4;
const network = networkTarget(
  randomWeights({ features: FEATURES, hidden: 12, classes: CLASSES }, 11),
  [2, 5, 1],
);
const IDS = Array.from({ length: COUNT }, (_, i) => `row-${i}`);
const rng = createRng('fraud rows');
const INPUTS = Float32Array.from(
  IDS.flatMap((_, i) => [
    ...[0, 1, 2, 3].map(() => 2 * rng.uniform() - 1),
    rng.below(8),
    rng.below(5),
    rng.uniform(),
    ...[0, 1, 2].map((k) => Number(k === i % 3)),
  ]),
);
const EPSILON: Readonly<Record<Norm, number>> = { linf: 0.8, l2: 1.5, l1: 2.5, l0: 5 };
const rules = rulesOf(FRAUD, { features: FEATURES, range: RANGE });
const threatIn = (norm: Norm): ThreatModel => ({
  norm,
  epsilon: EPSILON[norm],
  range: RANGE,
  access: 'gradients',
  constraints: FRAUD,
});

/** The network, noting which points it was asked about. */
function spied(): GradientTarget & { readonly seen: { example: number; point: Float32Array }[] } {
  const seen: { example: number; point: Float32Array }[] = [];
  const note = ({ inputs, rows, count }: { inputs: Float32Array; rows: Int32Array; count: number }): void => {
    for (let i = 0; i < count; i++)
      seen.push({ example: rows[i]!, point: inputs.slice(i * FEATURES, (i + 1) * FEATURES) });
  };
  return {
    inputShape: network.inputShape,
    classes: CLASSES,
    seen,
    scores: (batch) => (note(batch), network.scores(batch)),
    gradient: (batch, loss) => (note(batch), network.gradient(batch, loss)),
  };
}

const original = (example: number): Float32Array =>
  INPUTS.subarray(example * FEATURES, (example + 1) * FEATURES);
const EVERY = ATTACKS.flatMap((attack) => attack.norms.map((norm) => [attack.name, norm, attack] as const));

describe.each(EVERY)('%s in %s under constraints', (_, norm, attack) => {
  const threat = threatIn(norm);

  test('asks the model about feasible points only, and what it finds is feasible', async () => {
    const target = spied();
    const found = await attackBatch({
      recipe: quickRecipe(attack),
      target,
      inputs: INPUTS,
      labels: await ownLabels(network, INPUTS),
      ids: IDS,
      threat,
      seed: 3,
    });
    const infeasible = target.seen.filter(
      ({ example, point }) => !isFeasible(rules, point, original(example)),
    );
    expect(infeasible).toEqual([]);
    found.success.forEach((success, i) => {
      const point = found.adversarial.subarray(i * FEATURES, (i + 1) * FEATURES);
      expect(isFeasible(rules, point, original(i))).toBe(true);
      if (success === 1 && attack.kind === 'fixed-epsilon')
        expect(
          measureOf(threat, FEATURES)({ values: INPUTS, row: i }, { values: found.adversarial, row: i }),
        ).toBeLessThanOrEqual(threat.epsilon);
    });
  });

  test('finds the same for a row, whoever else is in the batch', async () => {
    const labels = await ownLabels(network, INPUTS);
    const run = (rows: readonly number[]) =>
      attackBatch({
        recipe: quickRecipe(attack),
        target: network,
        inputs: Float32Array.from(rows.flatMap((i) => Array.from(original(i)))),
        labels: Int32Array.from(rows, (i) => labels[i]!),
        ids: rows.map((i) => IDS[i]!),
        threat,
        seed: 3,
      });
    const all = await run(IDS.map((__, i) => i));
    const some = await run([5, 2]);
    [5, 2].forEach((i, at) => {
      expect(some.adversarial.subarray(at * FEATURES, (at + 1) * FEATURES)).toEqual(
        all.adversarial.subarray(i * FEATURES, (i + 1) * FEATURES),
      );
      expect(some.forwardQueries[at]).toBe(all.forwardQueries[i]);
    });
  });
});

test.each(['linf', 'l2', 'l1'] as const)(
  'small steps add up to whole numbers and categories in %s',
  async (norm) => {
    const found = await attackBatch({
      recipe: parseRecipe({
        name: 'x',
        attack: 'pgd',
        parameters: { steps: 40, start: 'origin', loss: 'margin' },
      }),
      target: network,
      inputs: INPUTS,
      labels: await ownLabels(network, INPUTS),
      ids: IDS,
      threat: { ...threatIn(norm), epsilon: 2 * EPSILON[norm] },
      seed: 3,
    });
    expect(found.success.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    const moved = (features: readonly number[]): boolean =>
      IDS.some((_, i) =>
        features.some((j) => found.adversarial[i * FEATURES + j] !== INPUTS[i * FEATURES + j]),
      );
    expect(moved([4, 5, 7, 8, 9])).toBe(true);
    expect(moved([3])).toBe(false);
  },
);

test('bisection ends at feasible points too', async () => {
  const found = await attackAndRefineOn(network, {
    recipe: parseRecipe({ name: 'x', attack: 'pgd', parameters: { steps: 20 } }),
    inputs: INPUTS,
    labels: await ownLabels(network, INPUTS),
    ids: IDS,
    threat: threatIn('linf'),
    seed: 3,
    bisectionSteps: 8,
  });
  expect(found.success.includes(1)).toBe(true);
  IDS.forEach((_, i) => {
    const point = found.refined.subarray(i * FEATURES, (i + 1) * FEATURES);
    expect(isFeasible(rules, point, original(i))).toBe(true);
    expect(found.refinedDistance[i]).toBeLessThanOrEqual(found.distance[i]!);
  });
});

test('the meter does not remember what is not feasible', async () => {
  const labels = (await ownLabels(network, INPUTS)).map((label) => (label + 1) % CLASSES);
  const meter = createMeter({ target: network, inputs: INPUTS, labels, threat: threatIn('l0') });
  const half = INPUTS.slice();
  half[4]! += 0.5;
  half[FEATURES + 3]! += 0.01;
  half[2 * FEATURES + 6]! -= 0.01;
  await meter.target.scores({ inputs: half, count: COUNT, rows: Int32Array.from(IDS.keys()) });
  expect(Array.from(meter.reading().success).slice(0, 4)).toEqual([0, 0, 0, 1]);
});
