import fc from 'fast-check';
import { bisect } from '../../../src/attacks/bisect.ts';
import type { Batch, ScoreTarget } from '../../../src/domain/target.ts';

const asked: number[][] = [];
/** One feature; class 1 wins above 0.6. */
const step: ScoreTarget = {
  inputShape: [1],
  classes: 2,
  scores: ({ inputs, count, rows }: Batch) => {
    asked.push(Array.from(rows));
    return Promise.resolve(
      Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0 : inputs[i >> 1]! - 0.6)),
    );
  },
};
beforeEach(() => (asked.length = 0));

test('comes within distance / 2^steps of the boundary, from the far side', async () => {
  const found = await bisect({
    target: step,
    originals: Float32Array.of(0.2, 0.5, 0.7, 0),
    adversarial: Float32Array.of(0.9, 0.7, 0.7, 0),
    success: Uint8Array.of(1, 1, 1, 0),
    labels: Int32Array.of(0, 0, 0, 0),
    threat: { norm: 'linf', range: [0, 1] },
    steps: 8,
  });
  expect(found.distance[0]).toBeGreaterThanOrEqual(0.4 - 1e-6);
  expect(found.distance[0]).toBeLessThan(0.4 + 0.7 / 2 ** 8);
  expect(found.distance[1]).toBeLessThan(0.1 + 0.2 / 2 ** 8);
  expect(found.distance[2]).toBe(0);
  expect(found.distance[3]).toBe(Infinity);
  expect(Array.from(found.forwardQueries)).toEqual([8, 8, 0, 0]);
  expect(asked).toEqual(Array.from({ length: 8 }, () => [0, 1]));
});

test('without steps, and without successes, nothing is asked and nothing moves', async () => {
  const originals = Float32Array.of(0.2);
  const adversarial = Float32Array.of(0.9);
  const common = {
    target: step,
    originals,
    adversarial,
    labels: Int32Array.of(0),
    threat: { norm: 'l2' as const, range: [0, 1] as const },
  };
  const still = await bisect({ ...common, success: Uint8Array.of(1), steps: 0 });
  expect(still.adversarial).toEqual(adversarial);
  expect(still.distance[0]).toBeCloseTo(0.7, 6);
  await bisect({ ...common, success: Uint8Array.of(0), steps: 8 });
  expect(asked).toEqual([]);
});

test('the result errs like the given point, lies between, and is never farther', async () => {
  const unit = fc.float({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(unit, unit, fc.nat(30), async (x, y, steps) => {
      if (x > 0.6 || y <= 0.6) return;
      const { adversarial, distance } = await bisect({
        target: step,
        originals: Float32Array.of(x),
        adversarial: Float32Array.of(y),
        success: Uint8Array.of(1),
        labels: Int32Array.of(0),
        threat: { norm: 'l1', range: [0, 1] },
        steps,
      });
      expect(adversarial[0]! - 0.6).toBeGreaterThan(0);
      expect(adversarial[0]!).toBeLessThanOrEqual(y);
      expect(distance[0]).toBe(Math.fround(adversarial[0]! - x));
    }),
  );
});
