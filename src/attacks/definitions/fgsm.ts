import { z } from 'zod';
import { namedLoss } from '../losses/named.ts';
import { constant } from '../schedules/constant.ts';
import { noiseStart } from '../starts/noise.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { lossParameter } from './shared-parameters.ts';

/** @see Goodfellow et al. (2015), ICLR, arXiv 1412.6572 */
export const fgsm = defineGradientAttack({
  name: 'fgsm',
  summary: 'Fast gradient (sign) method: one step of length epsilon.',
  parameters: z.strictObject({ loss: lossParameter }),
  build: ({ loss }) => ({
    steps: 1,
    restarts: 1,
    start: originStart,
    loss: (session) => namedLoss(loss, session),
    processing: [],
    step: ascend,
    schedule: constant(1),
  }),
});

/** @see Tramèr et al. (2018), ICLR, arXiv 1705.07204 */
export const randomFgsm = defineGradientAttack({
  name: 'r-fgsm',
  summary: 'FGSM after a random step: one part of epsilon along normal noise, the rest along the gradient.',
  parameters: z.strictObject({
    loss: lossParameter,
    noise: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.5)
      .describe('Part of epsilon that the random step takes, between 0 and 1. Default 0.5.'),
  }),
  build: ({ loss, noise }) => ({
    steps: 1,
    restarts: 1,
    start: noiseStart(noise),
    loss: (session) => namedLoss(loss, session),
    processing: [],
    step: ascend,
    schedule: constant(1 - noise),
  }),
});
