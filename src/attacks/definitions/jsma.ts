import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runJsma } from '../minimum-norm/jsma.ts';
import { stepsParameter } from './shared-parameters.ts';

/** @see Papernot et al. (2016), EuroS&P, arXiv 1511.07528 */
export const jsma = defineAttack({
  name: 'jsma',
  summary: 'Saliency map: pairs of features to the end of the range, until the first adversarial.',
  access: 'gradients',
  norms: ['l0'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(60),
    direction: z
      .enum(['up', 'down'])
      .default('up')
      .describe('End of the range to which features go: up or down. Default up.'),
  }),
  run: runJsma,
});
