import fc from 'fast-check';
import { createBall } from '../../../src/attacks/norms/create-ball.ts';
import { nextAbove, nextBelow } from '../../../src/attacks/norms/float32.ts';
import { linfBounds } from '../../../src/attacks/norms/linf.ts';
import { distanceBetween } from '../../../src/domain/distance.ts';
import { createRng } from '../../../src/domain/rng.ts';

const FEATURES = 6;
const unit = fc.float({ min: 0, max: 1, noNaN: true });
const vector = (value: fc.Arbitrary<number>) =>
  fc.array(value, { minLength: FEATURES, maxLength: FEATURES }).map((values) => Float32Array.from(values));
const anything = fc.float({ min: -1000, max: 1000, noNaN: true });
const epsilons = fc.oneof(
  fc.constantFrom(0, 1e-9, 8 / 255, 0.3, 1, 5),
  fc.double({ min: 1e-6, max: 3, noNaN: true }),
);
const norms = fc.constantFrom('linf' as const, 'l2' as const, 'l1' as const, 'l0' as const);

test('a projection lies in the ball and the range, without tolerance, and moves no point that does', () => {
  fc.assert(
    fc.property(norms, vector(unit), vector(anything), epsilons, (norm, original, point, epsilon) => {
      const ball = createBall(norm, { originals: original, features: FEATURES, epsilon, range: [0, 1] });
      const rows = Int32Array.of(0);
      const projected = point.slice();
      ball.project({ values: projected, rows, count: 1 });
      const d = distanceBetween(norm, { values: original, row: 0 }, { values: projected, row: 0 }, FEATURES);
      expect(d).toBeLessThanOrEqual(epsilon);
      for (const value of projected) expect(value >= 0 && value <= 1).toBe(true);
      const again = projected.slice();
      ball.project({ values: again, rows, count: 1 });
      expect(again).toEqual(projected);
    }),
    { numRuns: 500 },
  );
});

test('bounds are the last float32 values inside', () => {
  fc.assert(
    fc.property(unit, epsilons, (x, epsilon) => {
      const { lower, upper } = linfBounds(Float32Array.of(x), epsilon, [0, 1]);
      expect(x - lower[0]!).toBeLessThanOrEqual(epsilon);
      expect(upper[0]! - x).toBeLessThanOrEqual(epsilon);
      if (upper[0]! < 1) expect(nextAbove(upper[0]!) - x).toBeGreaterThan(epsilon);
      if (lower[0]! > 0) expect(x - nextBelow(lower[0]!)).toBeGreaterThan(epsilon);
    }),
    { numRuns: 500 },
  );
});

test('neighbours of float32 values', () => {
  expect(nextAbove(0)).toBe(2 ** -149);
  expect(nextBelow(0)).toBe(-(2 ** -149));
  expect(nextAbove(1)).toBe(1 + 2 ** -23);
  expect(nextBelow(1)).toBe(1 - 2 ** -24);
  expect(nextAbove(-1)).toBe(-(1 - 2 ** -24));
  expect(nextBelow(-1)).toBe(-(1 + 2 ** -23));
});

test('directions have length 1 whatever the size of the gradient; 0 stays 0', () => {
  for (const scale of [1e-30, 1, 1e20]) {
    const gradients = Float32Array.of(3 * scale, -4 * scale, 0, 0);
    const linf = gradients.slice();
    createBall('linf', { originals: new Float32Array(2), features: 2, epsilon: 1, range: [0, 1] }).normalise(
      linf,
      2,
    );
    expect(Array.from(linf)).toEqual([1, -1, 0, 0]);
    const l2 = gradients.slice();
    createBall('l2', { originals: new Float32Array(2), features: 2, epsilon: 1, range: [0, 1] }).normalise(
      l2,
      2,
    );
    expect(l2[0]).toBeCloseTo(0.6, 6);
    expect(l2[1]).toBeCloseTo(-0.8, 6);
    expect(Array.from(l2.subarray(2))).toEqual([0, 0]);
  }
});

test.each(['linf', 'l2', 'l1'] as const)(
  '%s: draws inside fill the ball, draws on the surface have length epsilon',
  (norm) => {
    const features = 5;
    const epsilon = 0.5;
    const originals = new Float32Array(features).fill(0.5);
    const ball = createBall(norm, { originals, features, epsilon, range: [0, 1] });
    const rng = createRng('draws', norm);
    const point = new Float32Array(features);
    const lengthOf = (): number =>
      distanceBetween(norm, { values: originals, row: 0 }, { values: point, row: 0 }, features);
    const runs = 4000;
    let within = 0;
    const mean = new Float64Array(features);
    for (let i = 0; i < runs; i++) {
      ball.drawInside(point, 0, rng);
      expect(lengthOf()).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
      if (lengthOf() < epsilon * 2 ** (-1 / features)) within++;
      point.forEach((x, j) => (mean[j]! += (x - 0.5) / runs));
      ball.drawSurface(point, 0, rng);
      expect(lengthOf()).toBeCloseTo(epsilon, 5);
    }
    // A ball of half the volume holds half of the draws: five standard deviations.
    expect(Math.abs(within / runs - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / runs));
    for (const m of mean) expect(Math.abs(m)).toBeLessThan(5 * (epsilon / Math.sqrt(3 * runs)));
  },
);

test('l1: steps put equal amounts on the hundredth of the features with the largest gradients', () => {
  const features = 200;
  const ball = createBall('l1', {
    originals: new Float32Array(features),
    features,
    epsilon: 1,
    range: [0, 1],
  });
  const gradients = new Float32Array(3 * features);
  gradients[7] = -5;
  gradients[9] = 4;
  gradients[11] = 3;
  gradients[features + 3] = 1e-30;
  ball.normalise(gradients, 3);
  const expected = new Float32Array(3 * features);
  expected[7] = -0.5;
  expected[9] = 0.5;
  expected[features + 3] = 1;
  expect(gradients).toEqual(expected);
});

test('l0: the features whose keeping saves most after clipping are kept; of equals the first', () => {
  const project = (epsilon: number, point: readonly number[]): number[] => {
    const originals = Float32Array.of(0.5, 0.5, 0, 1);
    const values = Float32Array.from(point);
    createBall('l0', { originals, features: 4, epsilon, range: [0, 1] }).project({
      values,
      rows: Int32Array.of(0),
      count: 1,
    });
    return Array.from(values);
  };
  // The third feature wants to go farthest, but the range gives it nothing.
  expect(project(1, [0.5, 0.75, -9, 1])).toEqual([0.5, 0.75, 0, 1]);
  expect(project(2.9, [0.25, 0.75, 0.25, 0.75])).toEqual([0.25, 0.75, 0, 1]);
  expect(project(0.5, [0, 1, 1, 0])).toEqual([0.5, 0.5, 0, 1]);
  expect(project(9, [3, 1, 1, 0])).toEqual([1, 1, 1, 0]);
});

test('l0: draws change as many features as the ball allows', () => {
  const features = 30;
  const originals = new Float32Array(features).fill(0.5);
  const ball = createBall('l0', { originals, features, epsilon: 7, range: [0, 1] });
  const point = new Float32Array(features);
  const rng = createRng('l0 draws');
  for (let i = 0; i < 100; i++) {
    ball.drawInside(point, 0, rng);
    expect(point.reduce((sum, x) => sum + Number(x !== 0.5), 0)).toBe(7);
  }
});

test('ranges whose ends are no float32 values hold too', () => {
  fc.assert(
    fc.property(
      norms,
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      vector(anything),
      (norm, high, point) => {
        const original = new Float32Array(FEATURES);
        const ball = createBall(norm, {
          originals: original,
          features: FEATURES,
          epsilon: 5,
          range: [0, high],
        });
        ball.project({ values: point, rows: Int32Array.of(0), count: 1 });
        for (const value of point) expect(value >= 0 && value <= high).toBe(true);
      },
    ),
  );
});
