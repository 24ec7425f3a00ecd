import { z } from 'zod';
import type { GradientAttack, Start } from '../loop/parts.ts';
import { namedLoss } from '../losses/named.ts';
import { constant } from '../schedules/constant.ts';
import { diversifiedStart } from '../starts/diversified.ts';
import { normalStart } from '../starts/noise.ts';
import { originStart } from '../starts/origin.ts';
import { uniformStart } from '../starts/random.ts';
import { ascend } from '../steps/ascend.ts';
import { sparseAscend } from '../steps/sparse-ascend.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import {
  lossParameter,
  relativeStepParameter,
  restartsParameter,
  stepsParameter,
} from './shared-parameters.ts';

const STARTS: Readonly<Record<'uniform' | 'origin' | 'diversified', Start>> = {
  uniform: uniformStart,
  origin: originStart,
  diversified: diversifiedStart(2),
};

/** @see Madry et al. (2018), ICLR, arXiv 1706.06083; in L1 Tramèr & Boneh (2019), NeurIPS, arXiv 1904.13000 */
export const pgd = defineGradientAttack({
  name: 'pgd',
  summary: 'Projected gradient descent: fixed steps from a random point of the ball, with restarts.',
  norms: ['linf', 'l2', 'l1'],
  parameters: z.strictObject({
    steps: stepsParameter(40),
    restarts: restartsParameter,
    relativeStep: relativeStepParameter
      .optional()
      .describe('Step size as a multiple of epsilon. Default 2.5 / steps, so that a path crosses the ball.'),
    start: z
      .enum(['uniform', 'origin', 'diversified'])
      .default('uniform')
      .describe(
        'uniform in the ball, origin, or diversified (two steps along random directions of the scores). Default uniform.',
      ),
    loss: lossParameter,
    movedShare: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('L1 only: share of the features that a step moves, above 0 up to 1. Default 0.01.'),
  }),
  build: ({ steps, restarts, relativeStep, start, loss, movedShare }) => ({
    steps,
    restarts,
    start: STARTS[start],
    loss: (session) => namedLoss(loss, session),
    processing: [],
    step: steepStep(movedShare),
    schedule: constant(relativeStep ?? 2.5 / steps),
  }),
});

/** @see Zhang et al. (2019), ICML, arXiv 1901.08573: the attack inside TRADES, 40 steps of 0.01 at epsilon 0.3 */
export const tradesPgd = defineGradientAttack({
  name: 'trades-pgd',
  summary:
    'Projected ascent of the divergence from the clean answer, from just beside the example; label-free.',
  parameters: z.strictObject({
    steps: stepsParameter(40),
    restarts: restartsParameter,
    relativeStep: relativeStepParameter
      .default(1 / 30)
      .describe('Step size as a multiple of epsilon. Default 1/30, 0.01 at epsilon 0.3.'),
    noise: z
      .number()
      .positive()
      .max(1)
      .default(0.001)
      .describe(
        'Standard deviation of the normal noise at the start, in units of the input, above 0 up to 1. Default 0.001.',
      ),
  }),
  build: ({ steps, restarts, relativeStep, noise }) => ({
    steps,
    restarts,
    start: normalStart(noise),
    loss: (session) => namedLoss('kl', session),
    processing: [],
    step: ascend,
    schedule: constant(relativeStep),
  }),
});

/** In L1 a step moves few features, and none that is spent; elsewhere all. */
function steepStep(movedShare = 0.01): GradientAttack['step'] {
  const sparse = sparseAscend({ share: movedShare, passOver: true });
  return (state, schedule) => (state.session.ball.norm === 'l1' ? sparse : ascend)(state, schedule);
}
