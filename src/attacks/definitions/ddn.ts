import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runDdn } from '../minimum-norm/ddn.ts';
import { adaptationParameter, stepsParameter } from './shared-parameters.ts';

/** @see Rony et al. (2019), CVPR, arXiv 1811.09600: defaults of Foolbox */
export const ddn = defineAttack({
  name: 'ddn',
  summary: 'Decoupled direction and norm: steps on a sphere that shrinks while the point is misread.',
  access: 'gradients',
  norms: ['l2'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(100),
    adaptation: adaptationParameter(0.05),
    firstRadius: z
      .number()
      .positive()
      .max(1_000)
      .default(1)
      .describe('First radius as a multiple of the width of the range, above 0 up to 1,000. Default 1.'),
  }),
  run: runDdn,
});
