import { z } from 'zod';

/**
 * How epsilon grows while training. `rampEnd` is the share of all steps after which it is full: robustness at the full
 * epsilon appears only near the end of the ramp, so a long ramp leaves little time where it counts.
 */
export const curriculumSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('linear'),
    rampEnd: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('Share of all steps after which epsilon is full; 0 starts full. Default 0.3.'),
  }),
  z.strictObject({
    kind: z.literal('cosine'),
    rampEnd: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('Share of all steps after which epsilon is full. Default 0.3.'),
  }),
  z.strictObject({
    kind: z.literal('adaptive'),
    rampEnd: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.4)
      .describe('Share of all steps after which epsilon is full whatever the accuracy. Default 0.4.'),
    targetAccuracy: z
      .number()
      .min(0)
      .max(1)
      .default(0.6)
      .describe(
        'Epsilon grows while the smoothed accuracy under attack in training is at least this. Default 0.6.',
      ),
  }),
]);

export type Curriculum = z.infer<typeof curriculumSchema>;

/** What a curriculum carries from step to step; plain data, part of a checkpoint. */
export interface CurriculumState {
  /** Share of the full epsilon in use, 0 to 1. */
  readonly fraction: number;
  /** Exponentially smoothed share of training rows still right under attack. */
  readonly accuracy: number;
}

/** Weight of the newest batch in the smoothed accuracy: about the last twenty batches count. */
const SMOOTHING = 0.05;
/** How much faster than the linear ramp the adaptive one may grow. */
const ADAPTIVE_HASTE = 2;

/** State for the first step. */
export function startCurriculum(curriculum: Curriculum, steps: number): CurriculumState {
  return advanceCurriculum(curriculum, { fraction: 0, accuracy: 1 }, { step: 0, steps, accuracy: undefined });
}

/**
 * State for step `step` of `steps` (counted from 0) from that of the step before and what was measured in it.
 *   linear    fraction = min(1, p / rampEnd),                    p = (step + 1) / steps
 *   cosine    fraction = (1 − cos(π · min(1, p / rampEnd))) / 2
 *   adaptive  grows by 2 / (rampEnd · steps) while the smoothed accuracy is on target and by nothing otherwise, but is never
 *             behind a linear ramp over the last half of the time to rampEnd
 * Counts steps, never seconds.
 */
export function advanceCurriculum(
  curriculum: Curriculum,
  previous: CurriculumState,
  at: { step: number; steps: number; accuracy: number | undefined },
): CurriculumState {
  const accuracy =
    at.accuracy === undefined
      ? previous.accuracy
      : previous.accuracy + SMOOTHING * (at.accuracy - previous.accuracy);
  if (curriculum.rampEnd === 0) return { fraction: 1, accuracy };
  const ramp = Math.min(1, (at.step + 1) / at.steps / curriculum.rampEnd);
  switch (curriculum.kind) {
    case 'linear':
      return { fraction: ramp, accuracy };
    case 'cosine':
      return { fraction: (1 - Math.cos(Math.PI * ramp)) / 2, accuracy };
    case 'adaptive': {
      const haste = ADAPTIVE_HASTE / (curriculum.rampEnd * at.steps);
      const grown = previous.fraction + (accuracy >= curriculum.targetAccuracy ? haste : 0);
      return { fraction: Math.min(1, Math.max(grown, 2 * ramp - 1)), accuracy };
    }
  }
}
