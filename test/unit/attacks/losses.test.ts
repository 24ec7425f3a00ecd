import fc from 'fast-check';
import { crossEntropy, targetedCrossEntropy } from '../../../src/attacks/losses/cross-entropy.ts';
import {
  differenceOfLogits,
  targetedDifferenceOfLogits,
} from '../../../src/attacks/losses/difference-of-logits.ts';
import { divergenceFromClean } from '../../../src/attacks/losses/divergence.ts';
import { margin, targetedMargin } from '../../../src/attacks/losses/margin.ts';
import { projectedScores } from '../../../src/attacks/losses/projected.ts';
import { rescaled, temperaturesOf } from '../../../src/attacks/losses/rescaled.ts';
import type { TargetedSubject } from '../../../src/attacks/losses/loss.ts';
import type { ScoreLoss } from '../../../src/domain/target.ts';

const LOSSES: Record<string, (subject: TargetedSubject) => ScoreLoss> = {
  crossEntropy,
  margin,
  differenceOfLogits,
  targetedCrossEntropy,
  targetedMargin,
  targetedDifferenceOfLogits,
  divergenceFromClean: ({ classes }) =>
    divergenceFromClean({ classes, cleanScores: Float32Array.of(0, 1, -2, 0.5, 3) }),
  crossEntropyCooled: (subject) => rescaled(crossEntropy(subject), Float32Array.of(2.5)),
  projectedScores: ({ classes }) => projectedScores(Float32Array.of(0.5, -1, 0.25, 1, -0.75), classes),
};
const names = Object.keys(LOSSES);
const CLASSES = 5;

function lossOf(name: string, label: number, target: number) {
  const loss = LOSSES[name]!({
    classes: CLASSES,
    labels: Int32Array.of(label),
    targets: Int32Array.of(target),
  });
  return (scores: readonly number[]) =>
    loss(Float32Array.from(scores), { inputs: new Float32Array(), count: 1, rows: Int32Array.of(0) });
}

/** Scores on a grid that float32 holds exactly, all different, so that no step crosses a tie. */
const scoresOf = fc
  .uniqueArray(fc.integer({ min: -40, max: 40 }), { minLength: CLASSES, maxLength: CLASSES })
  .map((values) => values.map((value) => value / 8));

test.each(names)('%s: the derivative is the slope', (name) => {
  fc.assert(
    fc.property(scoresOf, fc.nat(CLASSES - 1), fc.nat(CLASSES - 1), (scores, label, target) => {
      if (label === target) return;
      const loss = lossOf(name, label, target);
      const { derivative } = loss(scores);
      const h = 2 ** -7;
      scores.forEach((_, k) => {
        const at = (delta: number): number =>
          loss(scores.map((z, j) => (j === k ? z + delta : z))).values[0]!;
        const slope = (at(h) - at(-h)) / (2 * h);
        expect(Math.abs(derivative[k]! - slope)).toBeLessThan(
          2e-3 * Math.max(1, Math.abs(slope)) + 40 * h * h * slopeScale(scores),
        );
      });
    }),
  );
});

/** Curvature of ratios grows as the scores come together. */
function slopeScale(scores: readonly number[]): number {
  const sorted = [...scores].sort((a, b) => b - a);
  const spread = Math.max(1 / 8, sorted[0]! - (sorted[2]! + sorted[3]!) / 2);
  return (1 + Math.max(...scores) - Math.min(...scores)) / Math.min(spread, sorted[0]! - sorted[2]!) ** 3;
}

test.each(names)('%s: shifting all scores changes nothing, and derivatives sum to 0', (name) => {
  fc.assert(
    fc.property(scoresOf, (scores) => {
      const loss = lossOf(name, 0, 1);
      const { values, derivative } = loss(scores);
      expect(loss(scores.map((z) => z + 4)).values[0]).toBeCloseTo(values[0]!, 5);
      expect(derivative.reduce((a, b) => a + b)).toBeCloseTo(0, 4);
    }),
  );
});

test('cross-entropy neither overflows nor loses the gradient of a very sure answer', () => {
  const sure = lossOf('crossEntropy', 0, 1)([90, 0, 0, 0, 0]);
  expect(sure.values[0]).toBe(0);
  // 1 − p is 3.3e-39 in float32: kept, where 1 − softmax would round to 0.
  expect(sure.derivative[1]).toBeGreaterThan(0);
  expect(sure.derivative[0]).toBeLessThan(0);
  const far = lossOf('crossEntropy', 1, 0)([1000, -1000, 0, 0, 0]);
  expect(far.values[0]).toBe(2000);
  expect(Array.from(far.derivative)).toEqual([1, -1, 0, 0, 0]);
});

test('the margin is above 0 exactly when another class wins', () => {
  expect(lossOf('margin', 2, 0)([0, 1, 3, 2, 1]).values[0]).toBe(-1);
  expect(lossOf('margin', 0, 1)([0, 1, 3, 2, 1]).values[0]).toBe(3);
});

test('DLR is scale-free, and flat where the label is third', () => {
  const scores = [1, 4, 2, 0, -1];
  const loss = lossOf('differenceOfLogits', 2, 0);
  expect(loss(scores.map((z) => z * 8)).values[0]).toBeCloseTo(loss(scores).values[0]!, 6);
  const third = lossOf('differenceOfLogits', 0, 1)(scores);
  expect(third.values[0]).toBeCloseTo(1, 6);
  expect(Math.max(...third.derivative.map(Math.abs))).toBeLessThan(1e-6);
});

test('too few classes is an error that says what to use', () => {
  const subject = { classes: 2, labels: Int32Array.of(0), targets: Int32Array.of(1) };
  expect(() => differenceOfLogits(subject)).toThrow('loss dlr needs at least 3 classes, the model has 2');
  expect(() => targetedDifferenceOfLogits({ ...subject, classes: 3 })).toThrow('at least 4 classes');
  const { values } = margin(subject)(Float32Array.of(1, 3), {
    inputs: new Float32Array(),
    count: 1,
    rows: Int32Array.of(0),
  });
  expect(values[0]).toBe(2);
});

test('rows of a batch take the label of their example', () => {
  const loss = margin({ classes: 2, labels: Int32Array.of(0, 1) });
  const batch = { inputs: new Float32Array(), count: 3, rows: Int32Array.of(1, 1, 0) };
  expect(Array.from(loss(Float32Array.of(0, 1, 2, 0, 5, 0), batch).values)).toEqual([-1, 2, -5]);
});

test('divergence is 0 with gradient 0 at the clean answer, above 0 elsewhere, and does not mind sure answers', () => {
  const cleanScores = Float32Array.of(3, 1, 0, 200, -200, 0);
  const loss = divergenceFromClean({ classes: 3, cleanScores });
  const batch = { inputs: new Float32Array(), count: 2, rows: Int32Array.of(1, 0) };
  const same = loss(Float32Array.of(200, -200, 0, 3, 1, 0), batch);
  for (const value of [...same.values, ...same.derivative]) expect(Math.abs(value)).toBeLessThan(1e-12);
  const other = loss(Float32Array.of(-200, 200, 0, 0, 1, 3), batch);
  expect(other.values[0]).toBe(400);
  expect(Array.from(other.derivative.subarray(0, 3))).toEqual([-1, 1, 0]);
  expect(other.values[1]).toBeGreaterThan(0.5);
});

test('temperatures bring clean scores to a spread of 10; equal scores stay', () => {
  expect(Array.from(temperaturesOf(Float32Array.of(0, 5000, 1, 1, 0, 1), 2))).toEqual([
    500,
    1,
    Math.fround(0.1),
  ]);
});
