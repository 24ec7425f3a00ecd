import { z } from 'zod';
import { namedLoss } from '../losses/named.ts';
import { momentum } from '../processing/momentum.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { decayParameter, lossParameter, relativeStepParameter, stepsParameter } from './shared-parameters.ts';

const parameters = z.strictObject({
  steps: stepsParameter(10),
  relativeStep: relativeStepParameter
    .default(0.2)
    .describe('Step size as a multiple of epsilon. Default 0.2.'),
  loss: lossParameter,
});

/** @see Kurakin et al. (2017), arXiv 1607.02533; defaults of Foolbox */
export const bim = defineGradientAttack({
  name: 'bim',
  summary: 'Basic iterative method: fixed steps from the example itself.',
  parameters,
  build: ({ steps, relativeStep, loss }) => ({
    steps,
    restarts: 1,
    start: originStart,
    loss: (session) => namedLoss(loss, session),
    processing: [],
    step: ascend,
    schedule: constant(relativeStep),
  }),
});

/** @see Dong et al. (2018), CVPR, arXiv 1710.06081 */
export const momentumIterative = defineGradientAttack({
  name: 'mi-fgsm',
  summary: 'Momentum iterative method: fixed steps along an accumulated gradient.',
  parameters: parameters.extend({ decay: decayParameter(1) }),
  build: ({ steps, relativeStep, loss, decay }) => ({
    steps,
    restarts: 1,
    start: originStart,
    loss: (session) => namedLoss(loss, session),
    processing: [momentum({ decay })],
    step: ascend,
    schedule: constant(relativeStep),
  }),
});
