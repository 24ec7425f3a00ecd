import fc from 'fast-check';
import {
  advanceCurriculum,
  curriculumSchema,
  startCurriculum,
  type Curriculum,
} from '../../../src/training/curriculum.ts';
import { learningRateFactor, type LearningRateSchedule } from '../../../src/training/learning-rate.ts';

/** Fraction of epsilon at each of the steps, the batches' accuracies under attack being `accuracy`. */
function fractions(curriculum: Curriculum, steps: number, accuracy: number | undefined): number[] {
  let state = startCurriculum(curriculum, steps);
  const seen = [state.fraction];
  for (let step = 1; step < steps; step++) {
    state = advanceCurriculum(curriculum, state, { step, steps, accuracy });
    seen.push(state.fraction);
  }
  return seen;
}

const rounded = (values: number[]): number[] => values.map((value) => Number(value.toFixed(4)));

test.each<[Curriculum, number | undefined, number[]]>([
  [{ kind: 'linear', rampEnd: 0.5 }, 0.1, [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1]],
  [{ kind: 'linear', rampEnd: 0 }, 0.1, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
  // (1 − cos(π k / 5)) / 2
  [{ kind: 'cosine', rampEnd: 0.5 }, 0.1, [0.0955, 0.3455, 0.6545, 0.9045, 1, 1, 1, 1, 1, 1]],
  // On target all the time: twice the linear pace.
  [{ kind: 'adaptive', rampEnd: 0.5, targetAccuracy: 0.6 }, 0.9, [0.4, 0.8, 1, 1, 1, 1, 1, 1, 1, 1]],
  // Nothing known of the accuracy counts as on target.
  [{ kind: 'adaptive', rampEnd: 0.5, targetAccuracy: 0.6 }, undefined, [0.4, 0.8, 1, 1, 1, 1, 1, 1, 1, 1]],
])('%j at accuracy %s', (curriculum, accuracy, expected) => {
  expect(rounded(fractions(curriculum, 10, accuracy))).toEqual(expected);
});

test('the adaptive ramp waits for a model that falls behind, but not for ever', () => {
  const waiting = fractions({ kind: 'adaptive', rampEnd: 0.5, targetAccuracy: 0.6 }, 100, 0);
  expect(waiting[20]).toBe(waiting[12]);
  expect(waiting[20]).toBeLessThan(fractions({ kind: 'linear', rampEnd: 0.5 }, 100, 0)[20]!);
  expect(waiting[49]).toBe(1);
});

test('epsilon never falls, stays in [0, 1] and is full from rampEnd on, whatever the accuracy', () => {
  const kinds = fc.constantFrom('linear', 'cosine', 'adaptive');
  fc.assert(
    fc.property(
      kinds,
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 }),
      (kind, rampEnd, accuracies) => {
        const curriculum = curriculumSchema.parse({ kind, rampEnd });
        const steps = accuracies.length;
        let state = startCurriculum(curriculum, steps);
        accuracies.forEach((accuracy, step) => {
          const next = advanceCurriculum(curriculum, state, { step, steps, accuracy });
          expect(next.fraction).toBeGreaterThanOrEqual(state.fraction);
          expect(next.fraction).toBeLessThanOrEqual(1);
          if ((step + 1) / steps >= rampEnd) expect(next.fraction).toBeCloseTo(1, 9);
          state = next;
        });
      },
    ),
  );
});

test.each<[LearningRateSchedule, number[]]>([
  [{ kind: 'constant' }, [1, 1, 1, 1, 1]],
  [{ kind: 'linear', warmUp: 0 }, [0.9, 0.7, 0.5, 0.3, 0.1]],
  [{ kind: 'linear', warmUp: 0.2 }, [0.5, 0.875, 0.625, 0.375, 0.125]],
  [{ kind: 'one-cycle', peak: 0.5 }, [0.2, 0.6, 1, 0.6, 0.2]],
])('learning rate of %j', (schedule, expected) => {
  const factors = [0, 1, 2, 3, 4].map((step) => learningRateFactor(schedule, step, 5));
  expect(rounded(factors)).toEqual(expected);
});
