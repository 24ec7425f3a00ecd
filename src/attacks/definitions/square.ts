import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runSquare } from '../square/square.ts';
import { restartsParameter } from './shared-parameters.ts';

/** @see Andriushchenko et al. (2020), ECCV, arXiv 1912.00049: parameters of AutoAttack */
export const square = defineAttack({
  name: 'square',
  summary: 'Square attack: random search over windows, on scores alone.',
  access: 'scores',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.blackBox,
  parameters: z.strictObject({
    queries: z.int().min(1).max(1_000_000).default(5_000).describe('Proposals per restart. Default 5,000.'),
    restarts: restartsParameter,
    firstShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.8)
      .describe('Share of the image that the first windows cover, above 0 up to 1. Default 0.8.'),
    rescale: z
      .boolean()
      .default(false)
      .describe(
        'Whether the schedule of window sizes is stretched to the number of queries. Default false, as AutoAttack.',
      ),
  }),
  run: runSquare,
});
