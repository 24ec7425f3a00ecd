import { z } from 'zod';
import { targetedCrossEntropy } from '../losses/cross-entropy.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { leastLikely } from '../targets.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { relativeStepParameter, stepsParameter } from './shared-parameters.ts';

/** @see Kurakin et al. (2017), arXiv 1607.02533 */
export const iterativeLeastLikely = defineGradientAttack({
  name: 'iterative-least-likely',
  summary: 'Fixed steps towards the class that the model holds least likely on the example.',
  parameters: z.strictObject({
    steps: stepsParameter(10),
    relativeStep: relativeStepParameter
      .default(0.2)
      .describe('Step size as a multiple of epsilon. Default 0.2.'),
  }),
  build: ({ steps, relativeStep }) => ({
    steps,
    restarts: 1,
    start: originStart,
    loss: (session) =>
      targetedCrossEntropy({
        classes: session.target.classes,
        labels: session.labels,
        targets: leastLikely(session),
      }),
    processing: [],
    step: ascend,
    schedule: constant(relativeStep),
  }),
});
