import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runCarliniWagner } from '../minimum-norm/carlini-wagner.ts';
import { stepsParameter } from './shared-parameters.ts';

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
    searches: z
      .int()
      .min(1)
      .max(50)
      .default(9)
      .describe('Weights of the margin that are tried per example, one descent each. 1 to 50. Default 9.'),
    stepSize: z
      .number()
      .positive()
      .max(10)
      .default(0.01)
      .describe('Step size of Adam in the space of atanh, above 0 up to 10. Default 0.01.'),
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
  }),
  run: runCarliniWagner,
});
