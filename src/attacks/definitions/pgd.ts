import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runGradientAttack } from '../loop/run.ts';
import { namedLoss } from '../losses/named.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { uniformStart } from '../starts/random.ts';
import { ascend } from '../steps/ascend.ts';
import {
  lossParameter,
  relativeStepParameter,
  restartsParameter,
  stepsParameter,
} from './shared-parameters.ts';

const STARTS = { uniform: uniformStart, origin: originStart } as const;

/** @see Madry et al. (2018), ICLR, arXiv 1706.06083 */
export const pgd = defineAttack({
  name: 'pgd',
  summary: 'Projected gradient descent: fixed steps from a random point of the ball, with restarts.',
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(40),
    restarts: restartsParameter,
    relativeStep: relativeStepParameter
      .optional()
      .describe('Step size as a multiple of epsilon. Default 2.5 / steps, so that a path crosses the ball.'),
    start: z
      .enum(['uniform', 'origin'])
      .default('uniform')
      .describe('uniform in the ball, or origin. Default uniform.'),
    loss: lossParameter,
  }),
  run: (session, { steps, restarts, relativeStep, start, loss }) =>
    runGradientAttack(session, {
      steps,
      restarts,
      start: STARTS[start],
      loss: ({ labels, target: { classes } }) => namedLoss(loss, { labels, classes }),
      processing: [],
      step: ascend,
      schedule: constant(relativeStep ?? 2.5 / steps),
    }),
});
