import { createRng, type Rng } from '../../src/domain/rng.ts';
import { clopperPearson } from '../../src/statistics/clopper-pearson.ts';
import { eDetectorLog, startEDetector, stepEDetector } from '../../src/statistics/e-detector.ts';
import { NO_EVIDENCE, stepEProcess } from '../../src/statistics/e-process.ts';
import { bernsteinLower, NO_BERNSTEIN, stepBernstein } from '../../src/statistics/empirical-bernstein.ts';
import {
  capitalLower,
  fixedSampleLower,
  fixedSampleUpper,
  startCapital,
  stepCapital,
} from '../../src/statistics/hedged-capital.ts';
import { mcnemarWorse, sequentialLevel } from '../../src/statistics/mcnemar.ts';
import { NO_STITCHED, stepStitched, stitchedLower } from '../../src/statistics/stitched-bernstein.ts';
import { createTable, drawLoss, largestCompatible, percent, POOL_MEAN, STREAMS } from './streams.ts';

const LEVEL = 0.05;
const STEPS = 1000;

interface Distribution {
  readonly name: string;
  readonly mean: number;
  readonly draw: (rng: Rng) => number;
}

const DISTRIBUTIONS: readonly Distribution[] = [
  { name: 'losses of a hardened model', mean: POOL_MEAN, draw: drawLoss },
  { name: 'Bernoulli 0.05', mean: 0.05, draw: (rng) => (rng.uniform() < 0.05 ? 1 : 0) },
  { name: 'Bernoulli 0.9', mean: 0.9, draw: (rng) => (rng.uniform() < 0.9 ? 1 : 0) },
  { name: 'uniform', mean: 0.5, draw: (rng) => rng.uniform() },
];

const table = createTable(
  `Ever wrong in ${STEPS} steps, claim: at most ${100 * LEVEL} % of ${STREAMS} streams`,
);
const runs = Array.from({ length: STREAMS }, (_, stream) => stream);

function expectRate(name: string, wrong: number): void {
  table.row(name, percent(wrong, STREAMS));
  expect(wrong).toBeLessThanOrEqual(largestCompatible(STREAMS, LEVEL));
}

/** Whether a bound is ever above the truth; looked at after every step. */
function everWrong<S>(
  start: S,
  step: (state: S, x: number) => S,
  wrong: (state: S, truth: number) => boolean,
  { draw, truth }: { draw: (t: number) => number; truth: (t: number) => number },
): boolean {
  let state = start;
  for (let t = 1; t <= STEPS; t++) {
    state = step(state, draw(t));
    if (wrong(state, truth(t))) return true;
  }
  return false;
}

describe.each(DISTRIBUTIONS)('$name', ({ name, mean, draw }) => {
  it('betting confidence sequence, two-sided', () => {
    const half = LEVEL / 2;
    const wrong = runs.filter((stream) => {
      const rng = createRng('cs', name, stream);
      return everWrong(
        { lower: startCapital(100), upper: startCapital(100) },
        ({ lower, upper }, x) => ({
          lower: stepCapital(lower, x, half),
          upper: stepCapital(upper, 1 - x, half),
        }),
        ({ lower, upper }, truth) =>
          capitalLower(lower, half) > truth || 1 - capitalLower(upper, half) < truth,
        { draw: () => draw(rng), truth: () => mean },
      );
    });
    expectRate(`betting confidence sequence, ${name}`, wrong.length);
  });

  it('predictably-mixed empirical Bernstein, one-sided', () => {
    const wrong = runs.filter((stream) => {
      const rng = createRng('eb', name, stream);
      return everWrong(
        NO_BERNSTEIN,
        (state, x) => stepBernstein(state, x, LEVEL),
        (state, truth) => bernsteinLower(state, LEVEL) > truth,
        { draw: () => draw(rng), truth: () => mean },
      );
    });
    expectRate(`empirical Bernstein, ${name}`, wrong.length);
  });

  it('e-process at the limit', () => {
    const wrong = runs.filter((stream) => {
      const rng = createRng('e-process', name, stream);
      return everWrong(
        NO_EVIDENCE,
        (state, x) => stepEProcess(state, x, mean),
        ({ log }) => log >= Math.log(1 / LEVEL),
        { draw: () => draw(rng), truth: () => mean },
      );
    });
    expectRate(`e-process, ${name}`, wrong.length);
  });

  it.each([30, 200])('fixed-sample bounds of %d observations, each side', (n) => {
    const sides = runs.map((stream) => {
      const rng = createRng('fixed', name, n, stream);
      const x = Array.from({ length: n }, () => draw(rng));
      return { low: fixedSampleLower(x, LEVEL) > mean, high: fixedSampleUpper(x, LEVEL) < mean };
    });
    expectRate(`fixed-sample lower bound, n = ${n}, ${name}`, sides.filter(({ low }) => low).length);
    expectRate(`fixed-sample upper bound, n = ${n}, ${name}`, sides.filter(({ high }) => high).length);
  });
});

describe('running mean of a risk that moves', () => {
  it('is covered by the stitched bound', () => {
    const risk = (t: number) => 0.3 + 0.2 * Math.sin(t / 80);
    const average: number[] = [];
    Array.from({ length: STEPS + 1 }, (_, t) => t).reduce((sum, t) => {
      const next = t === 0 ? 0 : sum + risk(t);
      average.push(t === 0 ? 0 : next / t);
      return next;
    }, 0);
    const wrong = runs.filter((stream) => {
      const rng = createRng('stitched', stream);
      return everWrong(NO_STITCHED, stepStitched, (state, truth) => stitchedLower(state, LEVEL) > truth, {
        draw: (t) => (rng.uniform() < risk(t) ? 1 : 0),
        truth: (t) => average[t]!,
      });
    });
    expectRate('stitched bound, risk moving between 0.1 and 0.5', wrong.length);
  });
});

describe('exact tests', () => {
  it.each([
    [17, 0.1],
    [200, 0.02],
    [2000, 0.3],
  ])('Clopper-Pearson of %d trials at %d covers', (n, p) => {
    const wrong = runs.filter((stream) => {
      const rng = createRng('clopper', n, stream);
      const successes = Array.from({ length: n }).filter(() => rng.uniform() < p).length;
      const { lower, upper } = clopperPearson(successes, n, 1 - LEVEL);
      return lower > p || upper < p;
    });
    expectRate(`Clopper-Pearson, n = ${n}, p = ${p}`, wrong.length);
  });

  it('sequential McNemar over fifty changes that are not worse', () => {
    const wrong = runs.filter((stream) => {
      const rng = createRng('mcnemar', stream);
      return Array.from({ length: 50 }, (_, k) => k + 1).some((k) => {
        const discordant = 1 + rng.below(60);
        const worse = Array.from({ length: discordant }).filter(() => rng.uniform() < 0.5).length;
        return mcnemarWorse(worse, discordant - worse) <= sequentialLevel(LEVEL, k);
      });
    });
    expectRate('McNemar, fifty changes', wrong.length);
  });
});

describe('time to the first false alarm', () => {
  const BETS = [0.05, 0.103, 0.212, 0.437, 0.9];
  const BUDGET_DAYS = 3;

  /** Two detectors share the budget; the risk is exactly the limit. @returns days to the first alarm of either */
  function firstAlarm(rng: Rng, rateAt: (days: number) => number): number {
    const detectors = [startEDetector(BETS), startEDetector(BETS)];
    const limits = [POOL_MEAN, 1 - POOL_MEAN];
    for (let days = 0, index = 0; ; index++) {
      const stakeDays = -Math.log1p(-rng.uniform()) / rateAt(days) + 1e-9;
      days += stakeDays;
      const loss = drawLoss(rng);
      for (const [i, x] of [loss, 1 - loss].entries()) {
        const step = { x, limit: limits[i]!, stakeDays, at: { index, timeMs: 0 } };
        detectors[i] = stepEDetector(detectors[i]!, step);
        if (eDetectorLog(detectors[i]) >= Math.log(BUDGET_DAYS * 2)) return days;
      }
    }
  }

  it.each([
    ['a hundred events a day', () => 100],
    ['a rate that drops tenfold after a day', (days: number) => (days < 1 ? 200 : 20)],
    ['five events a day', () => 5],
  ])('is on average at least the budget: %s', (name, rateAt) => {
    const times = runs.map((stream) => firstAlarm(createRng('run-length', name, stream), rateAt));
    const mean = times.reduce((sum, days) => sum + days, 0) / times.length;
    const variance = times.reduce((sum, days) => sum + (days - mean) ** 2, 0) / (times.length - 1);
    const error = Math.sqrt(variance / times.length);
    table.row(
      `mean days to a false alarm, budget ${BUDGET_DAYS}, ${name}`,
      `${mean.toFixed(2)} ± ${error.toFixed(2)}`,
    );
    expect(mean + 2.33 * error).toBeGreaterThanOrEqual(BUDGET_DAYS);
  });
});
