import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runCarliniWagnerLinf } from '../minimum-norm/carlini-wagner-linf.ts';
import { runCarliniWagner } from '../minimum-norm/carlini-wagner.ts';
import { stepsParameter, weightParameters } from './shared-parameters.ts';

/** @see Carlini & Wagner (2017), IEEE S&P, arXiv 1608.04644: its parameters, with a tenth of its steps */
export const carliniWagner = defineAttack({
  name: 'cw',
  summary: 'Carlini and Wagner: Adam on distance and margin, with the best weight searched per example.',
  access: 'gradients',
  norms: ['l2'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(1_000),
    stepSize: z
      .number()
      .positive()
      .max(10)
      .default(0.01)
      .describe('Step size of Adam in the space of atanh, above 0 up to 10. Default 0.01.'),
    ...weightParameters,
  }),
  run: runCarliniWagner,
});

/** @see Carlini & Wagner (2017), IEEE S&P, arXiv 1608.04644, section V.C */
export const carliniWagnerLinf = defineAttack({
  name: 'cw-linf',
  summary: 'Carlini and Wagner in Linf: Adam under a bound on every move that shrinks with each success.',
  access: 'gradients',
  norms: ['linf'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(100),
    rounds: z
      .int()
      .min(1)
      .max(1_000)
      .default(30)
      .describe('Descents per example, one for each bound or weight. 1 to 1,000. Default 30.'),
    stepSize: z
      .number()
      .positive()
      .max(10)
      .default(0.01)
      .describe('Step size of Adam as a share of the width of the range, above 0 up to 10. Default 0.01.'),
    firstConstant: z
      .number()
      .positive()
      .max(1e6)
      .default(1)
      .describe('First weight of the margin against what exceeds the bound, above 0. Default 1.'),
    confidence: weightParameters.confidence,
    shrink: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.9)
      .describe('What is left of the bound after a success, between 0 and 1. Default 0.9.'),
  }),
  run: runCarliniWagnerLinf,
});
