import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runDeepFool } from '../minimum-norm/deepfool.ts';
import { candidatesParameter, stepsParameter } from './shared-parameters.ts';

/** @see Moosavi-Dezfooli et al. (2016), CVPR, arXiv 1511.04599: defaults of Foolbox */
export const deepfool = defineAttack({
  name: 'deepfool',
  summary: 'DeepFool: step by step to the nearest linearised boundary, until the first adversarial.',
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(50),
    candidates: candidatesParameter,
    overshoot: z
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe('How far beyond the linearised boundary a path goes, as a share, 0 to 1. Default 0.02.'),
  }),
  run: runDeepFool,
});
