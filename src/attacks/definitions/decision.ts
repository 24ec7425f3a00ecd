import { z } from 'zod';
import { defineAttack, THREAT_CLASSES, type AttackDescription } from '../attack.ts';
import { runBoundary } from '../decision/boundary.ts';
import { runGeoDa } from '../decision/geoda.ts';
import { runHopSkipJump } from '../decision/hop-skip-jump.ts';
import { runBlendedNoise, runSaltAndPepper } from '../decision/noise.ts';
import { runSignOpt } from '../decision/sign-opt.ts';
import { batchRowsParameter, queriesParameter } from './shared-parameters.ts';

const description = {
  access: 'decisions',
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.blackBox,
} as const satisfies Partial<AttackDescription>;

const shared = (queries: number) => ({
  queries: queriesParameter(queries),
  batchRows: batchRowsParameter,
});

const guessesParameter = z
  .int()
  .min(0)
  .max(1_000_000)
  .default(100)
  .describe(
    'Points drawn at random until one fools the model; an example for which none does is left alone. 0 to 1,000,000. Default 100.',
  );

/** @see Chen, Jordan & Wainwright (2020), IEEE S&P, arXiv 1904.02144: numbers of votes as there */
export const hopSkipJump = defineAttack({
  ...description,
  name: 'hop-skip-jump',
  summary: 'HopSkipJump: points around the boundary vote on the way out, by decisions alone.',
  norms: ['l2', 'linf'],
  parameters: z.strictObject({
    ...shared(10_000),
    guesses: guessesParameter,
    firstVotes: z
      .int()
      .min(1)
      .max(100_000)
      .default(100)
      .describe('Queries for the first direction; the t-th takes √t times as many. Default 100.'),
    mostVotes: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Queries for one direction at most. Default 10,000.'),
  }),
  run: runHopSkipJump,
});

const stepParameter = (what: string) =>
  z
    .number()
    .gt(0)
    .max(1)
    .default(0.01)
    .describe(`First size of the move ${what}, as a share of the distance, above 0 up to 1. Default 0.01.`);

/** @see Brendel, Rauber & Bethge (2018), ICLR, arXiv 1712.04248: sizes as in Foolbox */
export const boundary = defineAttack({
  ...description,
  name: 'boundary',
  summary: 'Boundary attack: a random walk along the boundary towards the example, by decisions alone.',
  norms: ['l2'],
  parameters: z.strictObject({
    ...shared(25_000),
    guesses: guessesParameter,
    sphericalStep: stepParameter('around the example'),
    sourceStep: stepParameter('towards the example'),
    adaptation: z
      .number()
      .gt(1)
      .max(10)
      .default(1.5)
      .describe('What a size is multiplied or divided by when it is adapted, above 1 up to 10. Default 1.5.'),
    leastSourceStep: z
      .number()
      .min(0)
      .max(1)
      .default(1e-7)
      .describe('The search ends when the move towards the example is smaller than this. Default 1e-7.'),
  }),
  run: runBoundary,
});

/** @see Rahmati et al. (2020), CVPR, arXiv 2003.06468 */
export const geoDa = defineAttack({
  ...description,
  name: 'geoda',
  summary: 'GeoDA: votes on the normal of the boundary, then along it from the example, by decisions alone.',
  norms: ['l2', 'linf'],
  parameters: z.strictObject({
    ...shared(10_000),
    guesses: guessesParameter,
    firstVotes: z
      .int()
      .min(1)
      .max(100_000)
      .default(100)
      .describe('Queries for the first normal. Default 100.'),
    growth: z
      .number()
      .min(1)
      .max(4)
      .default(1.4)
      .describe('Every normal takes so many times the queries of the one before, 1 to 4. Default 1.4.'),
    radius: z
      .number()
      .gt(0)
      .max(1)
      .default(0.02)
      .describe(
        'How far around a point the votes are, in L2, as a share of the width of the range, above 0 up to 1. Default 0.02.',
      ),
  }),
  run: runGeoDa,
});

/** @see Cheng et al. (2020), ICLR, arXiv 1909.10773: votes and sizes as there */
export const signOpt = defineAttack({
  ...description,
  name: 'sign-opt',
  summary: 'Sign-OPT: turns the direction of a ray so that the boundary comes nearer, by decisions alone.',
  norms: ['l2'],
  parameters: z.strictObject({
    ...shared(10_000),
    guesses: guessesParameter,
    votes: z
      .int()
      .min(1)
      .max(100_000)
      .default(200)
      .describe('Queries for the gradient of the distance. Default 200.'),
    smoothing: z
      .number()
      .gt(0)
      .max(1)
      .default(0.001)
      .describe('Size of the moves of the direction that vote, above 0 up to 1. Default 0.001.'),
    firstStep: z
      .number()
      .gt(0)
      .max(10)
      .default(0.2)
      .describe('First size of a step of the direction, above 0 up to 10. Default 0.2.'),
  }),
  run: runSignOpt,
});

export const blendedNoise = defineAttack({
  ...description,
  name: 'blended-noise',
  summary: 'Blended noise: the least share of some noise that fools the model.',
  norms: ['l2', 'linf', 'l1'],
  parameters: z.strictObject({
    ...shared(1_000),
    guesses: guessesParameter,
    blends: z
      .int()
      .min(1)
      .max(100_000)
      .default(50)
      .describe('Blends of the example with one noise that are asked, evenly spaced. Default 50.'),
  }),
  run: runBlendedNoise,
});

export const saltAndPepper = defineAttack({
  ...description,
  name: 'salt-and-pepper',
  summary: 'Salt and pepper: the fewest pixels at random that, black or white, fool the model.',
  norms: ['l2', 'l1', 'l0'],
  parameters: z.strictObject(shared(1_000)),
  run: runSaltAndPepper,
});
