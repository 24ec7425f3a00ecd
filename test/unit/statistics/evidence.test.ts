import fc from 'fast-check';
import {
  eDetectorLog,
  eDetectorOnset,
  startEDetector,
  stepEDetector,
  type EDetectorState,
} from '../../../src/statistics/e-detector.ts';
import { NO_EVIDENCE, stepEProcess } from '../../../src/statistics/e-process.ts';
import { combineEValues, eBenjaminiHochberg } from '../../../src/statistics/e-values.ts';
import { logAddExp, logSumExp } from '../../../src/statistics/log-space.ts';
import { mcnemarWorse, sequentialLevel } from '../../../src/statistics/mcnemar.ts';

const BETS = [0.05, 0.103, 0.212, 0.437, 0.9];

function detect(x: readonly number[], limit: number, stakeDays = 0.001): EDetectorState[] {
  let state = startEDetector(BETS);
  return x.map((value, index) => {
    state = stepEDetector(state, { x: value, limit, stakeDays, at: { index, timeMs: 1000 * index } });
    return state;
  });
}

describe('e-detector', () => {
  it('neither overflows nor underflows in a hundred thousand observations of either kind', () => {
    let state = startEDetector(BETS);
    for (const x of [1, 0]) {
      for (let index = 0; index < 50_000; index++)
        state = stepEDetector(state, { x, limit: 0.1, stakeDays: 1e-9, at: { index, timeMs: index } });
      expect(Number.isFinite(eDetectorLog(state))).toBe(true);
    }
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });

  it('forgets a quiet past: it starts from its stake, not from minus a thousand', () => {
    const quiet = detect(Array<number>(5000).fill(0), 0.3).at(-1)!;
    expect(eDetectorLog(quiet)).toBeGreaterThan(Math.log(0.001 * 0.1));
  });

  it('is never larger than the days staked while no observation exceeds the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.3, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (x) => {
          expect(eDetectorLog(detect(x, 0.3).at(-1)!)).toBeLessThanOrEqual(Math.log(0.001 * x.length) + 1e-9);
        },
      ),
    );
  });

  it('dates a change to the first observation of it', () => {
    const states = detect([...Array<number>(200).fill(0.1), ...Array<number>(20).fill(0.9)], 0.3);
    expect(eDetectorOnset(states.at(-1)!)).toEqual({ index: 200, timeMs: 200_000 });
    expect(eDetectorOnset(states[199]!)).toBeUndefined();
    expect(eDetectorOnset(startEDetector(BETS))).toBeUndefined();
  });

  it('is zero before the first observation', () => {
    expect(eDetectorLog(startEDetector(BETS))).toBe(-Infinity);
  });

  it.each([
    [[], 'expected at least one bet, got none'],
    [[1], 'expected a bet in (0, 1), got 1'],
  ])('refuses bets %j', (bets, message) => {
    expect(() => startEDetector(bets)).toThrow(message);
  });

  it('refuses a limit of 0, time that stands still, and NaN', () => {
    const step = { x: 0.5, limit: 0.3, stakeDays: 1, at: { index: 0, timeMs: 0 } };
    const start = startEDetector(BETS);
    expect(() => stepEDetector(start, { ...step, limit: 0 })).toThrow(
      'expected the tested risk to be finite',
    );
    expect(() => stepEDetector(start, { ...step, stakeDays: 0 })).toThrow('expected the days passed');
    expect(() => stepEDetector(start, { ...step, x: Number.NaN })).toThrow(
      'expected an observation in [0, 1], got NaN',
    );
  });
});

describe('e-process', () => {
  it('grows under a risk above the limit, and not under one below', () => {
    const fold = (x: number) =>
      Array.from({ length: 200 }).reduce<typeof NO_EVIDENCE>(
        (state) => stepEProcess(state, x, 0.3),
        NO_EVIDENCE,
      );
    expect(fold(0.6).log).toBeGreaterThan(20);
    expect(fold(0.1).log).toBeLessThan(0);
    expect(fold(0.1).highest).toBe(0);
  });

  it('never loses more than half its capital in a step, so its log is finite', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 1), { maxLength: 200 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (x, limit) => {
          let state = NO_EVIDENCE;
          for (const value of x) {
            const next = stepEProcess(state, value, limit);
            expect(next.log - state.log).toBeGreaterThanOrEqual(Math.log(0.5) - 1e-12);
            state = next;
          }
        },
      ),
    );
  });
});

describe('McNemar', () => {
  it('grows with better and falls with worse, and sums to one with its mirror', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (worse, better) => {
        const p = mcnemarWorse(worse, better);
        expect(p).toBeLessThanOrEqual(1 + 1e-12);
        expect(mcnemarWorse(worse, better + 1)).toBeGreaterThanOrEqual(p - 1e-12);
        // With n = worse + better: P(X ≥ worse) + P(n − X ≥ better + 1) = 1, and n − X is distributed as X.
        if (worse > 0) expect(p + mcnemarWorse(better + 1, worse - 1)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('levels of all tests sum to the level', () => {
    const sum = Array.from({ length: 100_000 }, (_, k) => sequentialLevel(0.01, k + 1)).reduce(
      (a, b) => a + b,
      0,
    );
    expect(sum).toBeCloseTo(0.01, 6);
    expect(sum).toBeLessThan(0.01);
  });

  it('refuses what is not a count', () => {
    expect(() => mcnemarWorse(-1, 0)).toThrow('expected counts ≥ 0, got worse -1, better 0');
    expect(() => mcnemarWorse(1.5, 0)).toThrow('expected counts');
    expect(() => sequentialLevel(0.01, 0)).toThrow('expected the number of a test, from 1, got 0');
  });
});

describe('e-values', () => {
  it('combine to their mean, whatever their size', () => {
    expect(combineEValues([Math.log(2), Math.log(4)])).toBeCloseTo(Math.log(3), 12);
    expect(combineEValues([1000, -Infinity])).toBeCloseTo(1000 - Math.log(2), 9);
    expect(() => combineEValues([])).toThrow('expected at least one e-value, got none');
  });

  it('e-BH rejects the largest ones that together are large enough', () => {
    const logs = [100, 30, 15, 0.5].map(Math.log);
    // K = 4, level 0.2: thresholds 20, 10, 6.67, 5.
    expect(eBenjaminiHochberg(logs, 0.2)).toEqual([0, 1, 2]);
    expect(eBenjaminiHochberg([19, 9, 6, 5].map(Math.log), 0.2)).toEqual([0, 1, 2, 3]);
    expect(eBenjaminiHochberg([19, 9, 6, 4].map(Math.log), 0.2)).toEqual([]);
    expect(eBenjaminiHochberg([], 0.2)).toEqual([]);
  });
});

describe('log space', () => {
  it('adds as linear space does, and beyond its range', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.double({ min: -50, max: 50, noNaN: true }),
        (a, b) => {
          const expected = Math.log(Math.exp(a) + Math.exp(b));
          expect(logAddExp(a, b)).toBeCloseTo(expected, 9);
          expect(logSumExp([a, b])).toBeCloseTo(expected, 9);
        },
      ),
    );
    expect(logAddExp(-Infinity, -Infinity)).toBe(-Infinity);
    expect(logAddExp(1e5, 1e5)).toBeCloseTo(1e5 + Math.log(2), 6);
    expect(logSumExp([])).toBe(-Infinity);
  });
});
