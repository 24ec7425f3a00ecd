import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runEad } from '../minimum-norm/ead.ts';
import { stepsParameter, weightParameters } from './shared-parameters.ts';

/** @see Chen et al. (2018), AAAI, arXiv 1709.04114: its parameters */
export const ead = defineAttack({
  name: 'ead',
  summary: 'Elastic net: shrinkage steps on distance and margin, which leave most features alone.',
  access: 'gradients',
  norms: ['l1'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(1_000),
    stepSize: z
      .number()
      .positive()
      .max(10)
      .default(0.01)
      .describe('First step size along the gradient, above 0 up to 10; it falls to 0. Default 0.01.'),
    sparsity: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe(
        'Moves smaller than this share of the width of the range are undone at every step, 0 to 1. Default 0.01.',
      ),
    ...weightParameters,
    // The objective of accelerated descent does not fall evenly: with early ends distances on digits were 10 to 20 % longer.
    abortEarly: weightParameters.abortEarly
      .unwrap()
      .default(false)
      .describe('Whether a descent ends when a tenth of the steps brought nothing. Default false.'),
  }),
  run: runEad,
});
