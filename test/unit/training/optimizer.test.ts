import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startOptimizer, updateWeights } from '../../../src/training/optimizer.ts';

const golden = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'golden', 'training', 'adamw.json'), 'utf8'),
) as { start: number[]; gradients: number[][]; rates: number[]; weights: number[]; averages: number[] };

const settings = { beta1: 0.9, beta2: 0.999, weightDecay: 0.05, averaging: 0.5 };

test('twelve updates with decay and a moving rate equal those of Keras', () => {
  const state = startOptimizer(Float32Array.from(golden.start));
  const ranges = [{ start: 0, end: 6, decays: true }];
  golden.gradients.forEach((gradient, t) =>
    updateWeights(
      state,
      { gradient: Float32Array.from(gradient), learningRate: golden.rates[t]! },
      { ...settings, ranges },
    ),
  );
  golden.weights.forEach((value, i) => expect(state.weights[i]).toBeCloseTo(value, 5));
  golden.averages.forEach((value, i) => expect(state.averages[i]).toBeCloseTo(value, 5));
  expect(state.updates).toBe(12);
});

test('what lies outside the ranges does not move, and only kernels decay', () => {
  const state = startOptimizer(Float32Array.of(1, 1, 1));
  const ranges = [
    { start: 0, end: 1, decays: true },
    { start: 2, end: 3, decays: false },
  ];
  updateWeights(state, { gradient: Float32Array.of(0, 5, 0), learningRate: 1 }, { ...settings, ranges });
  expect(Array.from(state.weights)).toEqual([Math.fround(0.95), 1, 1]);
  expect(state.averages[1]).toBe(1);
});

test('the average is a plain mean of what came lately at first, and no average is the weights', () => {
  const run = (averaging: number) => {
    const state = startOptimizer(Float32Array.of(0));
    const ranges = [{ start: 0, end: 1, decays: false }];
    for (let t = 0; t < 5; t++)
      updateWeights(
        state,
        { gradient: Float32Array.of(-1), learningRate: 1 },
        { ...settings, averaging, ranges },
      );
    return state;
  };
  expect(run(0).averages).toEqual(run(0).weights);
  const slow = run(0.999);
  expect(slow.averages[0]).toBeGreaterThan(3);
  expect(slow.averages[0]).toBeLessThan(slow.weights[0]!);
});
