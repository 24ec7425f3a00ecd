import { z } from 'zod';
import { defineAttack, THREAT_CLASSES, type AttackDescription } from '../attack.ts';
import { cosineBasis, pixelBasis } from '../score/bases.ts';
import { normalNoise, runEstimated, signNoise } from '../score/estimated.ts';
import { runSimba } from '../score/simba.ts';
import { adamRule, plateauRule } from '../score/step-rules.ts';
import {
  batchRowsParameter,
  decayParameter,
  queriesParameter,
  relativeStepParameter,
} from './shared-parameters.ts';

const description = {
  access: 'scores',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.blackBox,
} as const satisfies Partial<AttackDescription>;

const shared = {
  queries: queriesParameter(10_000),
  batchRows: batchRowsParameter,
  loss: z
    .enum(['margin', 'ce'])
    .default('margin')
    .describe(
      'What is driven up: margin (best other minus true score), which does not vanish on confident examples, or ce (cross-entropy), which the papers have. Default margin.',
    ),
};

const simbaParameters = {
  ...shared,
  relativeStep: relativeStepParameter
    .optional()
    .describe(
      'Size of a step in the norm as a multiple of epsilon, above 0 up to 10. Default 0.1 in L2, 1 in Linf.',
    ),
};

/** @see Guo et al. (2019), ICML, arXiv 1905.07121 */
export const simba = defineAttack({
  ...description,
  name: 'simba',
  summary: 'SimBA: one pixel after another, kept when the loss grows; by scores alone.',
  parameters: z.strictObject(simbaParameters),
  run: (session, parameters) => runSimba(session, parameters, pixelBasis),
});

const frequencyParameter = (standard: number, what: string) =>
  z.int().min(1).max(4_096).default(standard).describe(`${what} Default ${standard}.`);

export const simbaDct = defineAttack({
  ...description,
  name: 'simba-dct',
  summary: 'SimBA along cosine waves, low frequencies first; by scores alone.',
  parameters: z.strictObject({
    ...simbaParameters,
    firstFrequencies: frequencyParameter(14, 'Frequencies below this, in both axes, come first.'),
    stride: frequencyParameter(7, 'Width of the rings of higher frequencies that follow.'),
  }),
  run: (session, { firstFrequencies, stride, ...parameters }) =>
    runSimba(session, parameters, (image) => cosineBasis(image, { first: firstFrequencies, stride })),
});

const samplesParameter = (standard: number) =>
  z
    .int()
    .min(2)
    .max(100_000)
    .default(standard)
    .describe(`Queries per gradient, in pairs of opposite moves. Default ${standard}.`);

const radiusParameter = (standard: number) =>
  z
    .number()
    .gt(0)
    .max(1)
    .default(standard)
    .describe(
      `Size of those moves per feature, as a share of the width of the range, above 0 up to 1. Default ${standard}.`,
    );

/** @see Ilyas et al. (2018), ICML, arXiv 1804.08598: sizes at the epsilon of 0.05 there */
export const nes = defineAttack({
  ...description,
  name: 'nes',
  summary: 'NES: gradients estimated from pairs of scores, momentum, steps that shrink on plateaus.',
  parameters: z.strictObject({
    ...shared,
    samples: samplesParameter(50),
    radius: radiusParameter(0.001),
    relativeStep: relativeStepParameter
      .default(0.2)
      .describe('First size of a step as a multiple of epsilon, above 0 up to 10. Default 0.2.'),
    leastStep: relativeStepParameter
      .default(0.001)
      .describe('Least size of a step as a multiple of epsilon, above 0 up to 10. Default 0.001.'),
    decay: decayParameter(0.9),
    plateau: z
      .int()
      .min(2)
      .max(1_000)
      .default(5)
      .describe('Steps over which the loss must not fall, or the size is divided. Default 5.'),
    drop: z
      .number()
      .gt(1)
      .max(100)
      .default(2)
      .describe('What the size is divided by on a plateau, above 1 up to 100. Default 2.'),
  }),
  run: (session, { relativeStep, leastStep, decay, plateau, drop, ...parameters }) =>
    runEstimated(session, parameters, {
      fillNoise: normalNoise,
      createRule: (climb) => plateauRule(climb, { relativeStep, leastStep, decay, plateau, drop }),
    }),
});

/** @see Uesato et al. (2018), ICML, arXiv 1802.05666: sizes of CleverHans at an epsilon of 0.3 */
export const spsa = defineAttack({
  ...description,
  name: 'spsa',
  summary: 'SPSA: gradients estimated from pairs of scores along random signs, followed by Adam.',
  parameters: z.strictObject({
    ...shared,
    samples: samplesParameter(128),
    radius: radiusParameter(0.01),
    relativeStep: relativeStepParameter
      .default(1 / 30)
      .describe('Size of a step as a multiple of epsilon, above 0 up to 10. Default 1/30.'),
  }),
  run: (session, { relativeStep, ...parameters }) =>
    runEstimated(session, parameters, {
      fillNoise: signNoise,
      createRule: (climb) => adamRule(climb, relativeStep),
    }),
});
