import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runGradientAttack } from '../loop/run.ts';
import { namedLoss } from '../losses/named.ts';
import { momentum } from '../processing/momentum.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { lossParameter, relativeStepParameter, stepsParameter } from './shared-parameters.ts';

const parameters = z.strictObject({
  steps: stepsParameter(10),
  relativeStep: relativeStepParameter
    .default(0.2)
    .describe('Step size as a multiple of epsilon. Default 0.2.'),
  loss: lossParameter,
});

const shared = {
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
} as const;

/** @see Kurakin et al. (2017), arXiv 1607.02533; defaults of Foolbox */
export const bim = defineAttack({
  ...shared,
  name: 'bim',
  summary: 'Basic iterative method: fixed steps from the example itself.',
  parameters,
  run: (session, { steps, relativeStep, loss }) =>
    runGradientAttack(session, {
      steps,
      restarts: 1,
      start: originStart,
      loss: ({ labels, target: { classes } }) => namedLoss(loss, { labels, classes }),
      processing: [],
      step: ascend,
      schedule: constant(relativeStep),
    }),
});

/** @see Dong et al. (2018), CVPR, arXiv 1710.06081 */
export const momentumIterative = defineAttack({
  ...shared,
  name: 'mi-fgsm',
  summary: 'Momentum iterative method: fixed steps along an accumulated gradient.',
  parameters: parameters.extend({
    decay: z
      .number()
      .min(0)
      .max(2)
      .default(1)
      .describe('Share of the momentum kept per step, 0 to 2. Default 1.'),
  }),
  run: (session, { steps, relativeStep, loss, decay }) =>
    runGradientAttack(session, {
      steps,
      restarts: 1,
      start: originStart,
      loss: ({ labels, target: { classes } }) => namedLoss(loss, { labels, classes }),
      processing: [momentum(decay)],
      step: ascend,
      schedule: constant(relativeStep),
    }),
});
