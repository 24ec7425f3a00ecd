import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runFmn } from '../minimum-norm/fmn.ts';
import { adaptationParameter, stepsParameter } from './shared-parameters.ts';

/** @see Pintor et al. (2021), NeurIPS, arXiv 2102.12827: defaults of Foolbox */
export const fmn = defineAttack({
  name: 'fmn',
  summary: 'Fast minimum norm: projected steps in a ball whose radius follows the boundary.',
  access: 'gradients',
  norms: ['linf', 'l2', 'l1', 'l0'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(100),
    stepSize: z
      .number()
      .positive()
      .max(1_000)
      .default(1)
      .describe(
        'First step size as a multiple of the width of the range, above 0 up to 1,000; the last is a hundredth of it. Default 1.',
      ),
    adaptation: adaptationParameter(0.05),
    lastAdaptation: adaptationParameter(0.001),
  }),
  run: runFmn,
});
