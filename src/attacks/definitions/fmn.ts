import { z } from 'zod';
import type { Norm } from '../../domain/threat-model.ts';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runFmn } from '../minimum-norm/fmn.ts';
import { adaptationParameter, stepsParameter } from './shared-parameters.ts';

/**
 * Steps are normalised in L2, so other norms want other sizes: on digits, with and without adversarial training, these end
 * 3 to 25 % nearer than the 1 of other implementations.
 */
const STEP_SIZES: Readonly<Record<Norm, number>> = { linf: 10, l2: 1, l1: 3, l0: 10 };

/** @see Pintor et al. (2021), NeurIPS, arXiv 2102.12827: other defaults as in Foolbox */
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
      .optional()
      .describe(
        'First step size as a multiple of the width of the range, above 0 up to 1,000; the last is a hundredth of it. Default 10 in linf and l0, 3 in l1, 1 in l2.',
      ),
    adaptation: adaptationParameter(0.05),
    lastAdaptation: adaptationParameter(0.001),
  }),
  run: (session, { stepSize = STEP_SIZES[session.threat.norm], ...given }) =>
    runFmn(session, { stepSize, ...given }),
});
