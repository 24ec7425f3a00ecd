import fc from 'fast-check';
import { distanceBetween } from '../../../src/domain/distance.ts';
import { isMisclassified } from '../../../src/domain/misclassified.ts';
import { createRng } from '../../../src/domain/rng.ts';
import {
  hasGradient,
  type Batch,
  type GradientTarget,
  type ScoreTarget,
} from '../../../src/domain/target.ts';
import type { ThreatModel } from '../../../src/domain/threat-model.ts';
import { createMeter, type MeterOptions } from '../../../src/models/meter.ts';

const threat: ThreatModel = { norm: 'linf', epsilon: 0.25, range: [0, 1], access: 'gradients' };

/** Two features; class 1 wins where their sum is above 1. Remembers what it was asked. */
function lineTarget(): GradientTarget & { batches: Batch[] } {
  const batches: Batch[] = [];
  const scores = (batch: Batch): Promise<Float32Array> => {
    batches.push({ ...batch, inputs: batch.inputs.slice(), rows: batch.rows.slice() });
    const answers = new Float32Array(batch.count * 2);
    for (let i = 0; i < batch.count; i++)
      answers[2 * i + 1] = batch.inputs[2 * i]! + batch.inputs[2 * i + 1]! - 1;
    return Promise.resolve(answers);
  };
  return {
    inputShape: [2],
    classes: 2,
    batches,
    scores,
    async gradient(batch, loss) {
      const answers = await scores(batch);
      const { values } = loss(answers, batch);
      return { scores: answers, losses: values, gradient: new Float32Array(batch.count * 2).fill(1) };
    },
  };
}

const inputs = Float32Array.of(0.25, 0.25, 0.5, 0.25, 0, 0);
const labels = Int32Array.of(0, 0, 0);

function meterOf(options: Partial<MeterOptions> = {}): { target: ReturnType<typeof lineTarget> } & ReturnType<
  typeof createMeter
> & {
    metered: GradientTarget;
  } {
  const target = lineTarget();
  const meter = createMeter({ target, inputs, labels, threat, ...options });
  return { ...meter, metered: meter.target as GradientTarget, target };
}

const ask = (...rows: (readonly [example: number, x: number, y: number])[]): Batch => ({
  inputs: Float32Array.from(rows.flatMap(([, x, y]) => [x, y])),
  count: rows.length,
  rows: Int32Array.from(rows, ([example]) => example),
});

const zeroLoss = (_: Float32Array, { count }: Batch) => ({
  values: new Float32Array(count),
  derivative: new Float32Array(count * 2),
});

test('counts forward passes and gradients per example, and a gradient as one of each', async () => {
  const { metered, reading } = meterOf();
  await metered.scores(ask([0, 0.2, 0.2], [2, 0, 0]));
  await metered.gradient(ask([0, 0.3, 0.2], [0, 0.25, 0.2]), zeroLoss);
  expect(Array.from(reading().forwardQueries)).toEqual([3, 0, 1]);
  expect(Array.from(reading().gradientQueries)).toEqual([2, 0, 0]);
});

test('remembers a success inside the ball and settles the example: later rows are not sent', async () => {
  const { metered, reading, isLive, target } = meterOf();
  await metered.scores(ask([1, 0.75, 0.5], [0, 0.3, 0.3]));
  expect(isLive(1)).toBe(false);
  expect(isLive(0)).toBe(true);
  const found = await metered.gradient(ask([1, 0.6, 0.5], [0, 0.25, 0.3]), zeroLoss);
  expect(Array.from(target.batches.at(-1)!.rows)).toEqual([0]);
  expect(Array.from(target.batches.at(-1)!.inputs)).toEqual(Array.from(Float32Array.of(0.25, 0.3)));
  expect(Array.from(found.losses)).toEqual([NaN, 0]);
  expect(Array.from(found.gradient)).toEqual([0, 0, 1, 1]);
  expect(Array.from(found.scores.subarray(0, 2))).toEqual([NaN, NaN]);
  const { success, distance, adversarial, forwardQueries } = reading();
  expect(Array.from(success)).toEqual([0, 1, 0]);
  expect(Array.from(distance)).toEqual([Infinity, 0.25, Infinity]);
  expect(Array.from(adversarial)).toEqual([0.25, 0.25, 0.75, 0.5, 0, 0]);
  expect(Array.from(forwardQueries)).toEqual([2, 1, 0]);
});

test('an answer outside the ball or the range is no success', async () => {
  const { metered, reading, isLive } = meterOf();
  await metered.scores(ask([0, 0.75, 0.75], [1, 0.7500001, 0.5]));
  const low = meterOf({ threat: { ...threat, range: [0, 0.6] } });
  await low.metered.scores(ask([1, 0.75, 0.5]));
  for (const meter of [{ reading, isLive }, low]) {
    expect(Array.from(meter.reading().success)).toEqual([0, 0, 0]);
    expect(meter.isLive(1)).toBe(true);
  }
});

test('a gradient also shows a success', async () => {
  const { metered, reading } = meterOf();
  await metered.gradient(ask([1, 0.75, 0.5]), zeroLoss);
  expect(reading().success[1]).toBe(1);
});

test('keeps the nearest where it does not stop at the first success, and stops at distance 0', async () => {
  const { metered, reading, isLive } = meterOf({ stopsAtFirstSuccess: false, radius: 1 });
  await metered.scores(ask([1, 0.9, 0.9], [1, 0.75, 0.75], [1, 0.6, 0.6], [1, 0.75, 0.5]));
  expect(isLive(1)).toBe(true);
  expect(reading().distance[1]).toBe(0.25);
  expect(Array.from(reading().adversarial.subarray(2, 4))).toEqual([0.75, 0.5]);
  const wrong = meterOf({ stopsAtFirstSuccess: false, labels: Int32Array.of(1, 0, 0) });
  await wrong.metered.scores(ask([0, 0.25, 0.25]));
  expect(wrong.isLive(0)).toBe(false);
  expect(wrong.reading().distance[0]).toBe(0);
});

test('a radius beyond epsilon: what lies between is remembered, neither success nor the end', async () => {
  const { metered, reading, isLive, nearest } = meterOf({ radius: Infinity });
  expect(nearest(1)).toBe(Infinity);
  await metered.scores(ask([1, 0.9, 0.9], [2, 0.75, 0.75]));
  expect([1, 2].map(isLive)).toEqual([true, true]);
  expect(reading().distance[1]).toBe(Math.fround(Math.fround(0.9) - 0.25));
  expect(nearest(1)).toBe(Math.fround(0.9) - 0.25);
  expect(Array.from(reading().success)).toEqual([0, 0, 0]);
  expect(reading().adversarial[4]).toBe(0.75);
  await metered.scores(ask([1, 0.75, 0.5]));
  expect(isLive(1)).toBe(false);
  expect(Array.from(reading().success)).toEqual([0, 1, 0]);
});

test('the budget holds within one batch too', async () => {
  const { metered, reading, isLive, target } = meterOf({ threat: { ...threat, queryBudget: 3 } });
  await metered.gradient(ask([0, 0.3, 0.3]), zeroLoss);
  await metered.scores(ask([0, 0.3, 0.3], [0, 0.31, 0.3], [0, 0.32, 0.3], [2, 0, 0]));
  expect(Array.from(target.batches.at(-1)!.rows)).toEqual([0, 0, 2]);
  expect(reading().forwardQueries[0]).toBe(3);
  expect(isLive(0)).toBe(false);
  const before = target.batches.length;
  await metered.scores(ask([0, 0.3, 0.3]));
  expect(target.batches.length).toBe(before);
});

test('scores of the originals may come from elsewhere and cost nothing', () => {
  const { observeOriginals, reading, isLive } = meterOf();
  observeOriginals(Float32Array.of(1, 0, 0, 1, 0, NaN));
  expect(Array.from(reading().success)).toEqual([0, 1, 0]);
  expect(reading().distance[1]).toBe(0);
  expect([0, 1, 2].map(isLive)).toEqual([true, false, true]);
  expect(Array.from(reading().forwardQueries)).toEqual([0, 0, 0]);
});

test('a target without gradients stays one', () => {
  const scoresOnly: ScoreTarget = { inputShape: [2], classes: 2, scores: lineTarget().scores };
  const meter = createMeter({ target: scoresOnly, inputs, labels, threat });
  expect(hasGradient(meter.target)).toBe(false);
});

test('whatever is asked: budget, memory and counts agree with a plain recount', async () => {
  const row = fc.tuple(
    fc.nat(2),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 6 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      async (calls, queryBudget) => {
        const { metered, reading, target } = meterOf({ threat: { ...threat, queryBudget } });
        for (const rows of calls) await metered.scores(ask(...rows));
        const sent = target.batches.flatMap((batch) =>
          Array.from(batch.rows, (example, i) => ({
            example,
            point: batch.inputs.subarray(2 * i, 2 * i + 2),
          })),
        );
        const found = reading();
        for (const example of [0, 1, 2]) {
          const mine = sent.filter((query) => query.example === example);
          expect(found.forwardQueries[example]).toBe(mine.length);
          expect(mine.length).toBeLessThanOrEqual(queryBudget);
          const hits = mine.filter(({ point }) => {
            const d = distanceBetween('linf', { values: inputs, row: example }, { values: point, row: 0 }, 2);
            return (
              point[0]! + point[1]! - 1 > 0 &&
              Math.fround(point[0]! + point[1]! - 1) > 0 &&
              d <= threat.epsilon
            );
          });
          expect(found.success[example]).toBe(hits.length > 0 ? 1 : 0);
          if (hits.length > 0)
            expect(found.adversarial.subarray(2 * example, 2 * example + 2)).toEqual(hits[0]!.point);
        }
      },
    ),
  );
});

describe('distances and misclassification', () => {
  const a = { values: Float32Array.of(9, 9, 0, 0.5, 1), row: 0 };
  const b = { values: Float32Array.of(9, 9, 1, 0.5, 0.5), row: 0 };
  test.each([
    ['linf', 1],
    ['l2', Math.sqrt(1.25)],
    ['l1', 1.5],
    ['l0', 2],
  ] as const)('%s', (norm, expected) => {
    expect(distanceBetween(norm, a, b, 5)).toBe(expected);
    expect(distanceBetween(norm, a, { values: Float32Array.of(9, 9, NaN, 0, 0), row: 0 }, 5)).toBeNaN();
  });

  test('distances take the row that is named', () => {
    const values = Float32Array.from({ length: 8 }, () => createRng(1).uniform());
    values[5] = values[1]! + 0.5;
    expect(distanceBetween('l0', { values, row: 0 }, { values, row: 1 }, 4)).toBe(1);
  });

  test.each([
    [[1, 2, 3], 2, false],
    [[1, 2, 3], 1, true],
    [[3, 2, 3], 2, true],
    [[3, 2, 3], 0, false],
    [[NaN, NaN, NaN], 1, false],
    [[0, NaN, 0], 0, false],
    [[0, 1, NaN], 2, false],
    [[-Infinity, -1, -2], 0, true],
  ])('scores %p with label %p: misclassified %p', (scores, label, expected) => {
    expect(isMisclassified(Float32Array.from(scores), 3, 0, label)).toBe(expected);
  });
});
