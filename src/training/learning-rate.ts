import { z } from 'zod';

/** How the learning rate moves over all steps, as a factor of its peak. */
export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('linear'),
    warmUp: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.05)
      .describe('Share of all steps in which the rate grows from 0. Then it falls to 0. Default 0.05.'),
  }),
  z.strictObject({
    kind: z.literal('one-cycle'),
    peak: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.4)
      .describe('Share of all steps at which the rate peaks. Default 0.4.'),
  }),
  z.strictObject({ kind: z.literal('constant') }),
]);

export type LearningRateSchedule = z.infer<typeof scheduleSchema>;

/**
 * Factor of the peak rate for step `step` of `steps` (from 0):
 *   linear     p ≤ w: p / w;  then (1 − p) / (1 − w)        p = (step + 1/2) / steps, w the warm-up
 *   one-cycle  p ≤ peak: p / peak;  then (1 − p) / (1 − peak)
 * The half step keeps the first and the last update from being zero.
 *
 * @returns in (0, 1]
 */
export function learningRateFactor(schedule: LearningRateSchedule, step: number, steps: number): number {
  if (schedule.kind === 'constant') return 1;
  const top = schedule.kind === 'linear' ? schedule.warmUp : schedule.peak;
  const p = (step + 0.5) / steps;
  return p < top ? p / top : (1 - p) / (1 - top);
}
