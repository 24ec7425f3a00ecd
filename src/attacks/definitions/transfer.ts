import { z } from 'zod';
import type { AttackDefinition } from '../attack.ts';
import type { GradientAttack } from '../loop/parts.ts';
import { namedLoss, type LossName } from '../losses/named.ts';
import { inputDiversity } from '../processing/diversity.ts';
import { momentum } from '../processing/momentum.ts';
import { scaleCopies } from '../processing/scale-copies.ts';
import { KERNEL_NAMES, translationKernel } from '../processing/translation.ts';
import { varianceTuning } from '../processing/variance.ts';
import { constant } from '../schedules/constant.ts';
import { originStart } from '../starts/origin.ts';
import { ascend } from '../steps/ascend.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { decayParameter, lossParameter, relativeStepParameter, stepsParameter } from './shared-parameters.ts';

/** Iterations that find examples which also fool other models: ten steps of ε/4 (2/255 at 8/255), with momentum. */
const shared = z.strictObject({
  steps: stepsParameter(10),
  relativeStep: relativeStepParameter
    .default(0.25)
    .describe('Step size as a multiple of epsilon. Default 0.25.'),
  loss: lossParameter,
  decay: decayParameter(1),
});

const withoutMomentum = shared.extend({ decay: decayParameter(0) });

const probability = z.number().min(0).max(1);
const smallest = z
  .number()
  .gt(0)
  .max(1)
  .default(0.9)
  .describe('Smallest size that an example is shrunk to, as a share of its own. Default 0.9.');

/** @see Lin et al. (2020), ICLR, arXiv 1908.06281 */
export const nesterovIterative: AttackDefinition = defineGradientAttack({
  name: 'ni-fgsm',
  summary: 'Nesterov iterative method: momentum, with gradients taken one step ahead.',
  parameters: shared,
  build: (given) => iterate(given, [momentum({ decay: given.decay, lookAhead: given.relativeStep })]),
});

/** @see Xie et al. (2019), CVPR, arXiv 1803.06978 */
export const diverseInputs: AttackDefinition = defineGradientAttack({
  name: 'di-fgsm',
  summary: 'Input diversity: gradients of examples shrunk and padded at random. Images only.',
  parameters: withoutMomentum.extend({
    probability: probability
      .default(0.5)
      .describe('Chance that an example is shrunk at a step. Default 0.5.'),
    smallest,
  }),
  build: ({ probability, smallest, ...given }) =>
    iterate(given, [momentum(given), inputDiversity({ probability, smallest })]),
});

/** @see Dong et al. (2019), CVPR, arXiv 1904.02884 */
export const translationInvariant: AttackDefinition = defineGradientAttack({
  name: 'ti-fgsm',
  summary: 'Translation invariance: gradients smoothed with a kernel. Images only.',
  parameters: withoutMomentum.extend({
    kernel: z
      .enum(KERNEL_NAMES)
      .default('gaussian')
      .describe('Form of the kernel: gaussian, linear or uniform. Default gaussian.'),
    kernelSize: z
      .int()
      .min(1)
      .max(99)
      .refine((size) => size % 2 === 1, { error: 'expected an odd number' })
      .default(15)
      .describe('Side of the kernel in pixels, odd, 1 to 99. Default 15.'),
    probability: probability
      .default(0)
      .describe('Chance that an example is shrunk at a step, as in di-fgsm. Default 0.'),
    smallest,
  }),
  build: ({ kernel, kernelSize, probability, smallest, ...given }) =>
    iterate(given, [
      translationKernel({ kernel, size: kernelSize }),
      momentum(given),
      ...(probability > 0 ? [inputDiversity({ probability, smallest })] : []),
    ]),
});

/** @see Lin et al. (2020), ICLR, arXiv 1908.06281: SI-NI-FGSM unless look-ahead is off */
export const scaleInvariant: AttackDefinition = defineGradientAttack({
  name: 'si-fgsm',
  summary: 'Scale invariance: mean gradients over darkened copies, with gradients taken one step ahead.',
  parameters: shared.extend({
    copies: z
      .int()
      .min(1)
      .max(16)
      .default(5)
      .describe('Copies of an example, each half as bright as the one before. Default 5.'),
    lookAhead: z
      .boolean()
      .default(true)
      .describe('Whether gradients are taken one step ahead, as in ni-fgsm. Default true.'),
  }),
  build: ({ copies, lookAhead, ...given }) =>
    iterate(given, [
      momentum({ decay: given.decay, ...(lookAhead ? { lookAhead: given.relativeStep } : {}) }),
      scaleCopies(copies),
    ]),
});

/** @see Wang & He (2021), CVPR, arXiv 2103.15571 */
export const varianceTuned: AttackDefinition = defineGradientAttack({
  name: 'vmi-fgsm',
  summary: 'Variance tuning: momentum, corrected by what gradients around the last point were on average.',
  parameters: shared.extend({
    neighbours: z
      .int()
      .min(1)
      .max(100)
      .default(5)
      .describe('Points drawn around an iterate; each costs a gradient. Default 5.'),
    radius: z
      .number()
      .positive()
      .max(10)
      .default(1.5)
      .describe('How far around they are drawn, as a multiple of epsilon. Default 1.5.'),
  }),
  build: ({ neighbours, radius, ...given }) =>
    iterate(given, [momentum(given), varianceTuning({ neighbours, radius })]),
});

function iterate(
  { steps, relativeStep, loss }: { steps: number; relativeStep: number; loss: LossName },
  processing: GradientAttack['processing'],
): GradientAttack {
  return {
    steps,
    restarts: 1,
    start: originStart,
    loss: (session) => namedLoss(loss, session),
    processing,
    step: ascend,
    schedule: constant(relativeStep),
  };
}
