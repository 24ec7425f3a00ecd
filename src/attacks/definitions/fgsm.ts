import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runGradientAttack } from '../loop/run.ts';
import { namedLoss } from '../losses/named.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { lossParameter } from './shared-parameters.ts';

/** @see Goodfellow et al. (2015), ICLR, arXiv 1412.6572 */
export const fgsm = defineAttack({
  name: 'fgsm',
  summary: 'Fast gradient (sign) method: one step of length epsilon.',
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({ loss: lossParameter }),
  run: (session, { loss }) =>
    runGradientAttack(session, {
      steps: 1,
      restarts: 1,
      start: originStart,
      loss: ({ labels, target: { classes } }) => namedLoss(loss, { labels, classes }),
      processing: [],
      step: ascend,
      schedule: constant(1),
    }),
});
