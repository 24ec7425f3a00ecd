import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
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
