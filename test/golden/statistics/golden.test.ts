import { clopperPearson } from '../../../src/statistics/clopper-pearson.ts';
import { eDetectorLog, startEDetector, stepEDetector } from '../../../src/statistics/e-detector.ts';
import { NO_EVIDENCE, stepEProcess } from '../../../src/statistics/e-process.ts';
import { bernsteinLower, NO_BERNSTEIN, stepBernstein } from '../../../src/statistics/empirical-bernstein.ts';
import {
  capitalLower,
  fixedSampleLower,
  fixedSampleUpper,
  startCapital,
  stepCapital,
} from '../../../src/statistics/hedged-capital.ts';
import { mcnemarWorse } from '../../../src/statistics/mcnemar.ts';
import { NO_STITCHED, stepStitched, stitchedLower } from '../../../src/statistics/stitched-bernstein.ts';
import golden from './golden.json';

const streams: Record<string, number[]> = golden.streams;
const sequences = golden.sequences.map((expected) => ({ ...expected, x: streams[expected.stream]! }));

/** Every state of a fold, so that values can be read at several times. */
function fold<S>(start: S, x: readonly number[], step: (state: S, value: number, index: number) => S): S[] {
  let state = start;
  return x.map((value, index) => (state = step(state, value, index)));
}

const at = <S>(states: readonly S[]): S[] => [states[0]!, states[19]!, states.at(-1)!];

/** Relative to the larger of 1 and the expected value. */
function expectClose(actual: number, expected: number, tolerance = 1e-10) {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
}

describe('exact tests against scipy', () => {
  it.each(golden.clopperPearson)('Clopper-Pearson $successes of $n at $confidence', (expected) => {
    const interval = clopperPearson(expected.successes, expected.n, expected.confidence);
    expectClose(interval.lower, expected.lower);
    expectClose(interval.upper, expected.upper);
  });

  it.each(golden.mcnemar)('McNemar $worse worse, $better better', ({ worse, better, p }) => {
    expect(mcnemarWorse(worse, better) / p).toBeCloseTo(1, 9);
  });
});

describe.each(sequences)('$stream at level $level', ({ x, level, ...expected }) => {
  it('betting capital equals confseq, upper bounds by reflection included', () => {
    const last = fold(startCapital(), x, (state, value) => stepCapital(state, value, level)).at(-1)!;
    [100, 300, 500, 700].forEach((j, i) => expectClose(last.logCapital[j]!, expected.logCapital[i]!, 1e-9));
    expectClose(capitalLower(last, level), expected.capitalLower);
    const mirrored = fold(startCapital(), x, (state, value) => stepCapital(state, 1 - value, level)).at(-1)!;
    expectClose(1 - capitalLower(mirrored, level), expected.capitalUpper);
  });

  it('fixed-sample bounds equal a brute-force search over confseq to the width of its grid', () => {
    expectClose(fixedSampleLower(x, level), expected.fixedLower, 1 / 20_000);
    expectClose(fixedSampleUpper(x, level), expected.fixedUpper, 1 / 20_000);
  });

  it('empirical Bernstein bounds equal confseq and the formula', () => {
    const predictable = fold(NO_BERNSTEIN, x, (state, value) => stepBernstein(state, value, level));
    at(predictable).forEach((state, i) => expectClose(bernsteinLower(state, level), expected.bernstein[i]!));
    const stitched = fold(NO_STITCHED, x, stepStitched);
    at(stitched).forEach((state, i) => expectClose(stitchedLower(state, level), expected.stitched[i]!));
  });

  it('e-process and e-detector equal products in linear space', () => {
    const processes = fold(NO_EVIDENCE, x, (state, value) => stepEProcess(state, value, 0.3));
    at(processes).forEach(({ log }, i) => expectClose(log, expected.logEProcess[i]!, 1e-9));
    const detectors = fold(startEDetector(golden.bets), x, (state, value, index) =>
      stepEDetector(state, {
        x: value,
        limit: 0.3,
        stakeDays: expected.stakes[index]!,
        at: { index, timeMs: index },
      }),
    );
    at(detectors).forEach((state, i) => expectClose(eDetectorLog(state), expected.logDetector[i]!, 1e-9));
  });
});
