import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import { runGradientAttack } from '../loop/run.ts';
import { targetedCrossEntropy } from '../losses/cross-entropy.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { leastLikely } from '../targets.ts';
import { relativeStepParameter, stepsParameter } from './shared-parameters.ts';

/** @see Kurakin et al. (2017), arXiv 1607.02533 */
export const iterativeLeastLikely = defineAttack({
  name: 'iterative-least-likely',
  summary: 'Fixed steps towards the class that the model holds least likely on the example.',
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    steps: stepsParameter(10),
    relativeStep: relativeStepParameter
      .default(0.2)
      .describe('Step size as a multiple of epsilon. Default 0.2.'),
  }),
  run: (session, { steps, relativeStep }) =>
    runGradientAttack(session, {
      steps,
      restarts: 1,
      start: originStart,
      loss: (subject) =>
        targetedCrossEntropy({
          classes: subject.target.classes,
          labels: subject.labels,
          targets: leastLikely(subject),
        }),
      processing: [],
      step: ascend,
      schedule: constant(relativeStep),
    }),
});
