import fc from 'fast-check';
import { tf } from '../../../src/engine/tf.ts';
import {
  climb,
  packPerturbations,
  project,
  randomPerturbations,
  restorePerturbations,
  type InnerAttack,
} from '../../../src/training/inner-attack.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);

const attackOf = (norm: 'linf' | 'l2', more: Partial<InnerAttack> = {}): InnerAttack => ({
  norm,
  epsilon: 0.3,
  range: [0, 1],
  steps: 3,
  reach: 1.5,
  ...more,
});

function distance(norm: 'linf' | 'l2', a: ArrayLike<number>, b: ArrayLike<number>): number {
  const away = Array.from(a, (value, i) => Math.abs(value - b[i]!));
  return norm === 'linf' ? Math.max(...away) : Math.hypot(...away);
}

test.each(['linf', 'l2'] as const)('a projection lies in the ball and in the range (%s)', (norm) => {
  const value = fc.float({ min: -3, max: 3, noNaN: true });
  const row = fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), value), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(row, fc.float({ min: 0, max: 2, noNaN: true }), (pairs, epsilon) => {
      const clean = pairs.map(([x]) => x);
      const projected = tf.tidy(() =>
        project(
          { clean: tf.tensor2d([clean]), moved: tf.tensor2d([pairs.map(([, y]) => y)]) },
          attackOf(norm, { epsilon }),
        ).dataSync(),
      );
      expect(distance(norm, projected, clean)).toBeLessThanOrEqual(epsilon + 1e-6);
      projected.forEach((x) => expect(x >= 0 && x <= 1).toBe(true));
    }),
  );
});

test.each(['linf', 'l2'] as const)(
  'a random start is in the ball and does not depend on its batch (%s)',
  (norm) => {
    const attack = attackOf(norm);
    const both = randomPerturbations(attack, 50, [
      ['a', 1],
      ['a', 2],
    ]);
    expect(randomPerturbations(attack, 50, [['a', 2]])).toEqual(both.slice(50));
    expect(both.slice(0, 50)).not.toEqual(both.slice(50));
    expect(distance(norm, both.slice(0, 50), new Float32Array(50))).toBeLessThanOrEqual(0.3);
  },
);

test('climbing goes uphill on a line to the edge of the ball, and keeps no tensor', () => {
  const slope = [1, -2, 0.5];
  const scores = (inputs: tf.Tensor): tf.Tensor2D => tf.matMul(inputs, tf.tensor2d(slope, [3, 1]));
  const before = tf.memory().numTensors;
  const reached = tf.tidy(() => {
    const clean = tf.tensor2d([[0.5, 0.5, 0.9]]);
    const derivativeOf = (): Float32Array => Float32Array.of(1);
    return climb({ clean, start: clean }, scores, { attack: attackOf('linf'), derivativeOf }).dataSync();
  });
  [0.8, 0.2, 1].forEach((value, k) => expect(reached[k]).toBeCloseTo(value, 6));
  expect(tf.memory().numTensors).toBe(before);
});

test('in L2 the step goes along the gradient', () => {
  const scores = (inputs: tf.Tensor): tf.Tensor2D => tf.matMul(inputs, tf.tensor2d([[3], [4]]));
  const reached = tf.tidy(() => {
    const clean = tf.tensor2d([[0.5, 0.5]]);
    const derivativeOf = (): Float32Array => Float32Array.of(1);
    return climb({ clean, start: clean }, scores, { attack: attackOf('l2'), derivativeOf }).dataSync();
  });
  expect(reached[0]).toBeCloseTo(0.5 + 0.3 * 0.6, 6);
  expect(reached[1]).toBeCloseTo(0.5 + 0.3 * 0.8, 6);
});

test('carried perturbations grow with epsilon and are right to a 254th of it', () => {
  const perturbations = Float32Array.of(0.1, -0.1, 0.031, 0);
  const packed = packPerturbations(perturbations, 0.1);
  expect(Array.from(packed)).toEqual([127, -127, 39, 0]);
  restorePerturbations(packed, 0.2).forEach((value, i) =>
    expect(Math.abs(value - 2 * perturbations[i]!)).toBeLessThanOrEqual(0.2 / 254 + 1e-7),
  );
  expect(Array.from(packPerturbations(perturbations, 0))).toEqual([0, 0, 0, 0]);
});
