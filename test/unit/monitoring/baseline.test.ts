import {
  baselineIdOf,
  baselineSchema,
  computeBaseline,
  type BaselineOutcome,
} from '../../../src/monitoring/baseline.ts';
import { baselineOf, brokenLosses, quietLosses } from './entries.ts';

const options = {
  model: 'digits',
  version: '2',
  recipe: 'pgd-20@1f3a5c7e',
  recipeId: '1f3a5c7e00000000',
  threatModelId: 'threat',
  createdAtMs: 0,
  confidence: 0.99,
};

const compute = (outcomes: readonly BaselineOutcome[], more = {}) =>
  computeBaseline(outcomes, { ...options, ...more });

describe('baseline', () => {
  it('bounds the mean loss on both sides, closely with two thousand inputs', () => {
    const baseline = baselineOf('2');
    const losses = quietLosses(2000, 'baseline');
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(baseline.risk.value).toBeCloseTo(mean, 12);
    expect(baseline.lower).toBeLessThan(mean);
    expect(baseline.upper).toBeGreaterThan(mean);
    expect(baseline.upper - baseline.lower).toBeLessThan(0.06);
    expect(baseline).toMatchObject({ upper: baseline.risk.upper, lower: baseline.risk.lower, n: 2000 });
    expect(baselineSchema.parse(JSON.parse(JSON.stringify(baseline)))).toEqual(baseline);
  });

  it('counts a missing outcome as 0 below and as 1 above, and not at all in the estimate', () => {
    const losses = quietLosses(500);
    const whole = compute(losses.map((loss) => ({ loss, success: loss > 0 })));
    const censored = compute([
      ...losses.map((loss) => ({ loss, success: loss > 0 })),
      ...Array<BaselineOutcome>(100).fill({ success: false }),
    ]);
    expect(censored.risk.value).toBeCloseTo(whole.risk.value, 12);
    expect(censored.lower).toBeLessThan(whole.lower);
    expect(censored.upper).toBeGreaterThan(whole.upper + 0.1);
  });

  it('does not depend on how the data set is sorted', () => {
    const losses = quietLosses(1000);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    for (const direction of [1, -1]) {
      const sorted = [...losses].sort((a, b) => direction * (a - b));
      const { lower, upper } = compute(sorted.map((loss) => ({ loss, success: loss > 0 })));
      expect(lower).toBeLessThan(mean);
      expect(upper).toBeGreaterThan(mean);
      expect(upper - lower).toBeLessThan(0.08);
    }
  });

  it('reports the clean error of labelled inputs only, exactly', () => {
    const outcomes = Array.from({ length: 100 }, (_, i) => ({
      loss: 0,
      success: false,
      ...(i < 50 && { misread: i < 5 }),
    }));
    expect(compute(outcomes).cleanError).toMatchObject({ value: 0.1, n: 50 });
    expect(compute(outcomes.slice(50)).cleanError).toBeUndefined();
  });

  it('shares the probability of error among sentinels', () => {
    const outcomes = brokenLosses(300).map((loss) => ({ loss, success: true }));
    const alone = compute(outcomes);
    const shared = compute(outcomes, { sentinels: 4 });
    expect(shared.risk.confidence).toBeCloseTo(0.9975, 12);
    expect(shared.upper).toBeGreaterThan(alone.upper);
  });

  it('survives a split where nothing came back, and refuses an empty one', () => {
    expect(compute([{ success: false }, { success: false }])).toMatchObject({ lower: 0, upper: 1 });
    expect(() => compute([])).toThrow('expected outcomes of the baseline split, got none');
  });

  it('has an identity by content', () => {
    expect(baselineIdOf([baselineOf('2')])).toBe(baselineIdOf([baselineOf('2')]));
    expect(baselineIdOf([baselineOf('2')])).not.toBe(baselineIdOf([baselineOf('3')]));
  });
});
