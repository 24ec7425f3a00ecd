import { z } from 'zod';
import { LOSS_NAMES } from '../losses/named.ts';

/** Parameters that several attacks have. */
export const stepsParameter = (standard: number): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(1)
    .max(10_000)
    .default(standard)
    .describe(`Gradient steps per restart, 1 to 10,000. Default ${standard}.`);

export const restartsParameter = z
  .int()
  .min(1)
  .max(1_000)
  .default(1)
  .describe('Independent starts; a later one runs only on examples that survived. 1 to 1,000. Default 1.');

export const lossParameter = z
  .enum(LOSS_NAMES)
  .default('ce')
  .describe('What is driven up: ce (cross-entropy), margin (best other minus true score), dlr. Default ce.');

export const relativeStepParameter = z
  .number()
  .positive()
  .max(10)
  .describe('Step size as a multiple of epsilon, above 0 up to 10.');
