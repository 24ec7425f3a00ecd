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
  .describe(
    'What is driven up: ce (cross-entropy), margin (best other minus true score), dlr, kl (divergence from the clean answer; needs a start elsewhere). Default ce.',
  );

export const relativeStepParameter = z
  .number()
  .positive()
  .max(10)
  .describe('Step size as a multiple of epsilon, above 0 up to 10.');

const draws = z.int().min(1).max(1_000);
const DRAWS =
  'Answers averaged per gradient, for models or transforms that draw at random. 1 to 1,000. Default 1.';

/** Part of every recipe of the attack. */
export const drawsParameter = draws.default(1).describe(DRAWS);
/** Part only of recipes that name it. */
export const optionalDrawsParameter = draws.optional().describe(DRAWS);

export const optionalTemperatureParameter = z
  .union([z.number().positive().max(1e9), z.literal('auto')])
  .optional()
  .describe(
    'What scores are divided by before the loss: a number above 0, or auto, which brings the clean scores of each example to a spread of 10. Default 1.',
  );

export const decayParameter = (standard: number): z.ZodDefault<z.ZodNumber> =>
  z
    .number()
    .min(0)
    .max(2)
    .default(standard)
    .describe(`Share of the momentum kept per step, 0 to 2; 0 is no momentum. Default ${standard}.`);

export const candidatesParameter = z
  .int()
  .min(1)
  .max(1_000)
  .default(9)
  .describe(
    'Other classes whose boundaries are looked at, likeliest first; each costs a gradient per step. 1 to 1,000. Default 9.',
  );

export const adaptationParameter = (standard: number): z.ZodDefault<z.ZodNumber> =>
  z
    .number()
    .gt(0)
    .lt(1)
    .default(standard)
    .describe(`Share by which the radius shrinks or grows per step, between 0 and 1. Default ${standard}.`);

export const queriesParameter = (standard: number): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(1)
    .max(10_000_000)
    .default(standard)
    .describe(`Queries per example, 1 to 10,000,000. Default ${standard.toLocaleString('en')}.`);

/** Part only of recipes that name it: but for the draws, which follow the recipe, results do not depend on it. */
export const batchRowsParameter = z
  .int()
  .min(1)
  .max(65_536)
  .optional()
  .describe('Points asked at once at most; memory grows with it. 1 to 65,536. Default 1,024.');

/** Attacks that weigh distance against margin, and search for the weight. */
export const weightParameters = {
  searches: z
    .int()
    .min(1)
    .max(50)
    .default(9)
    .describe('Weights of the margin that are tried per example, one descent each. 1 to 50. Default 9.'),
  firstConstant: z
    .number()
    .positive()
    .max(1e6)
    .default(0.001)
    .describe('First weight of the margin against the squared distance, above 0. Default 0.001.'),
  confidence: z
    .number()
    .min(0)
    .max(1_000)
    .default(0)
    .describe('Margin of scores by which another class must win, from 0. Default 0.'),
  abortEarly: z
    .boolean()
    .default(true)
    .describe('Whether a descent ends when a tenth of the steps brought nothing. Default true.'),
};
