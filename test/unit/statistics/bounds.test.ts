import fc from 'fast-check';
import { clopperPearson, proportionLower, proportionUpper } from '../../../src/statistics/clopper-pearson.ts';
import { bernsteinLower, NO_BERNSTEIN, stepBernstein } from '../../../src/statistics/empirical-bernstein.ts';
import {
  capitalLower,
  fixedSampleLower,
  fixedSampleUpper,
  startCapital,
  stepCapital,
} from '../../../src/statistics/hedged-capital.ts';
import { NO_STITCHED, stepStitched, stitchedLower } from '../../../src/statistics/stitched-bernstein.ts';

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const stream = fc.array(unit, { minLength: 1, maxLength: 60 });
const level = fc.double({ min: 1e-6, max: 0.5, noNaN: true });
const mean = (x: readonly number[]) => x.reduce((sum, value) => sum + value, 0) / x.length;

const capital = (x: readonly number[], tuned: number) =>
  x.reduce((state, value) => stepCapital(state, value, tuned), startCapital(200));

describe('Clopper-Pearson', () => {
  it('holds the share, narrows with n, widens with confidence, and mirrors', () => {
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.nat(400),
        fc.double({ min: 0.5, max: 0.999, noNaN: true }),
        (a, b, confidence) => {
          fc.pre(a + b > 0);
          const { lower, upper, value } = clopperPearson(a, a + b, confidence);
          const mirrored = clopperPearson(b, a + b, confidence);
          expect(lower).toBeLessThanOrEqual(value);
          expect(upper).toBeGreaterThanOrEqual(value);
          expect(mirrored.lower).toBeCloseTo(1 - upper, 9);
          expect(clopperPearson(4 * a, 4 * (a + b), confidence).upper).toBeLessThanOrEqual(upper + 1e-12);
        },
      ),
    );
  });

  it('one-sided limits at half the level are the ends of the interval', () => {
    const { lower, upper } = clopperPearson(30, 200, 0.98);
    expect(proportionLower(30, 200, 0.01)).toBeCloseTo(lower, 12);
    expect(proportionUpper(30, 200, 0.01)).toBeCloseTo(upper, 12);
  });

  it.each([
    [0, 0, 0.95, 'expected at least one trial, got 0'],
    [3, 2, 0.95, 'expected whole numbers with 0 ≤ successes ≤ n, got successes 3 and n 2'],
    [0.5, 2, 0.95, 'expected whole numbers'],
    [-1, 2, 0.95, 'expected whole numbers'],
    [1, Infinity, 0.95, 'expected whole numbers'],
    [1, 2, 1, 'expected a confidence in (0, 1), got 1'],
    [1, 2, Number.NaN, 'expected a confidence in (0, 1), got NaN'],
  ])('refuses %d of %d at %d', (successes, n, confidence, message) => {
    expect(() => clopperPearson(successes, n, confidence)).toThrow(message);
  });
});

describe('betting capital', () => {
  it('falls in the candidate mean, so that the bound is where it crosses', () => {
    fc.assert(
      fc.property(stream, level, (x, tuned) => {
        const { logCapital } = capital(x, tuned);
        for (let j = 1; j < logCapital.length; j++)
          expect(logCapital[j]!).toBeLessThanOrEqual(logCapital[j - 1]! + 1e-12);
      }),
    );
  });

  it('gives a lower bound below the mean that loosens with a smaller level', () => {
    fc.assert(
      fc.property(stream, level, (x, tuned) => {
        const state = capital(x, tuned);
        expect(capitalLower(state, tuned)).toBeLessThanOrEqual(mean(x) + 1e-12);
        expect(capitalLower(state, tuned / 10)).toBeLessThanOrEqual(capitalLower(state, tuned));
      }),
    );
  });

  it('says nothing before the first observation, and little after one', () => {
    expect(capitalLower(startCapital(), 0.05)).toBe(0);
    expect(capitalLower(capital([1], 0.05), 0.05)).toBeLessThan(0.06);
  });

  it('fixed-sample bounds lie on their sides of each other, and of the mean in any order', () => {
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 60 }), level, (x, wrong) => {
        const lower = fixedSampleLower(x, wrong);
        const upper = fixedSampleUpper(x, wrong);
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(fixedSampleLower(x, wrong / 10)).toBeLessThanOrEqual(lower);
      }),
    );
    expect(fixedSampleLower([], 0.05)).toBe(0);
    expect(fixedSampleUpper([], 0.05)).toBe(1);
  });

  it('refuses what is not in [0, 1]', () => {
    for (const x of [-0.1, 1.1, Number.NaN, Infinity]) {
      expect(() => stepCapital(startCapital(10), x, 0.05)).toThrow('expected an observation in [0, 1]');
      expect(() => fixedSampleLower([x], 0.05)).toThrow('expected an observation in [0, 1]');
    }
    expect(() => stepCapital(startCapital(10), 0.5, 0)).toThrow('expected a level in (0, 1), got 0');
  });
});

describe('empirical Bernstein', () => {
  it('bounds lie below the mean they bound, and are 0 before the first observation', () => {
    fc.assert(
      fc.property(stream, level, (x, wrong) => {
        const stitched = x.reduce(stepStitched, NO_STITCHED);
        expect(stitchedLower(stitched, wrong)).toBeLessThanOrEqual(mean(x));
        const predictable = x.reduce((state, value) => stepBernstein(state, value, wrong), NO_BERNSTEIN);
        expect(bernsteinLower(predictable, wrong)).toBeLessThanOrEqual(Math.max(...x) + 1e-12);
      }),
    );
    expect(stitchedLower(NO_STITCHED, 0.05)).toBe(0);
    expect(bernsteinLower(NO_BERNSTEIN, 0.05)).toBe(0);
  });

  it('states are JSON', () => {
    const state = [0.1, 0.9].reduce((before, value) => stepBernstein(before, value, 0.05), NO_BERNSTEIN);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
