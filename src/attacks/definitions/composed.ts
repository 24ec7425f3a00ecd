import { z } from 'zod';
import type { AttackSession } from '../attack.ts';
import type { GradientAttack, LossOfRestart, Schedule, Start } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { targetedCrossEntropy } from '../losses/cross-entropy.ts';
import { targetedDifferenceOfLogits } from '../losses/difference-of-logits.ts';
import { targetedMargin } from '../losses/margin.ts';
import { aimsAway, namedLoss } from '../losses/named.ts';
import { rankedScores } from '../losses/ranked.ts';
import { blocks } from '../processing/blocks.ts';
import { inputDiversity } from '../processing/diversity.ts';
import { momentum } from '../processing/momentum.ts';
import { constant } from '../schedules/constant.ts';
import { falling } from '../schedules/falling.ts';
import { halving } from '../schedules/halving.ts';
import { cornerStart } from '../starts/corner.ts';
import { diversifiedStart } from '../starts/diversified.ts';
import { normalStart } from '../starts/noise.ts';
import { originStart } from '../starts/origin.ts';
import { surfaceStart, uniformStart } from '../starts/random.ts';
import { ascend } from '../steps/ascend.ts';
import { inertial } from '../steps/inertial.ts';
import { sparseAscend } from '../steps/sparse-ascend.ts';
import { targetCount, targetsByRank } from '../targets.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { relativeStepParameter, restartsParameter, stepsParameter } from './shared-parameters.ts';

export const COMPOSED_STARTS = ['origin', 'uniform', 'surface', 'normal', 'diversified', 'corner'] as const;
export const COMPOSED_LOSSES = ['ce', 'margin', 'dlr', 'ranked', 'ranked-scaled'] as const;
export const COMPOSED_STEPS = ['steepest', 'inertial', 'sparse'] as const;
export const COMPOSED_SCHEDULES = ['constant', 'halving', 'cosine', 'linear'] as const;

/** Just beside the example, in units of the input. */
const NOISE = 0.001;
const CORNER_NOISE = 0.05;

const share = z.number().gt(0).max(1);

const parameters = z.strictObject({
  steps: stepsParameter(40),
  restarts: restartsParameter,
  start: z
    .enum(COMPOSED_STARTS)
    .default('uniform')
    .describe(
      'Where a restart begins: origin, uniform or surface (of the ball), normal (just beside), diversified (two steps along random scores), corner (where FGSM would go). Default uniform.',
    ),
  loss: z
    .enum(COMPOSED_LOSSES)
    .default('margin')
    .describe(
      'What is driven up: ce, margin, dlr, ranked (weights of the other classes, likeliest first), ranked-scaled. Default margin.',
    ),
  second: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('ranked only: weight of the second likeliest other class; the likeliest has 1. Default 0.5.'),
  third: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('ranked only: weight of the third likeliest other class. Default 0.'),
  targets: z
    .int()
    .min(0)
    .max(1_000)
    .default(0)
    .describe(
      'Restarts aim at each of so many likeliest other classes in turn (ce, margin and dlr); 0 aims away from the label. Default 0.',
    ),
  momentum: z
    .number()
    .min(0)
    .max(2)
    .default(0)
    .describe('Share of the momentum kept per step; 0 is no momentum. Default 0.'),
  ahead: z
    .boolean()
    .default(false)
    .describe('Whether gradients are taken one step ahead (with momentum). Default false.'),
  diversity: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Chance that an example is shrunk at a step; images only. Default 0.'),
  blocks: share.default(1).describe('Chance that a feature is moved at a step, above 0 up to 1. Default 1.'),
  step: z
    .enum(COMPOSED_STEPS)
    .default('steepest')
    .describe(
      'Step rule: steepest, inertial (as APGD) or sparse (a share of the features). Default steepest.',
    ),
  trust: share
    .default(0.75)
    .describe('inertial only: share of the new step against the one before, above 0 up to 1. Default 0.75.'),
  movedShare: share
    .default(0.2)
    .describe('sparse only: share of the features that a step moves, above 0 up to 1. Default 0.2.'),
  schedule: z
    .enum(COMPOSED_SCHEDULES)
    .default('cosine')
    .describe('Step sizes: constant, halving (at checkpoints, as APGD), cosine or linear. Default cosine.'),
  relativeStep: relativeStepParameter
    .default(1)
    .describe('First step size as a multiple of epsilon, above 0 up to 10. Default 1.'),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Any point of the product space of parts: the grammar in which the explorer writes. Named attacks are points of it:
 * PGD is (uniform, ce, steepest, constant), APGD is (surface, dlr, inertial, halving with a first step of 2).
 */
export const composed = defineGradientAttack({
  name: 'composed',
  summary: 'Any start, loss, processing, step rule and schedule put together: what the explorer writes.',
  norms: ['linf', 'l2', 'l1'],
  parameters,
  build: (given, session) => {
    const tried = given.targets === 0 ? 1 : Math.max(1, Math.min(given.targets, targetCount(session)));
    return {
      steps: given.steps,
      restarts: given.restarts * tried,
      start: startOf(given),
      loss: lossOf(given, tried),
      processing: processingOf(given),
      step: stepOf(given, session),
      schedule: scheduleOf(given),
    };
  },
});

function startOf({ start }: Parameters): Start {
  const starts: Readonly<Record<Parameters['start'], Start>> = {
    origin: originStart,
    uniform: uniformStart,
    surface: surfaceStart,
    normal: normalStart(NOISE),
    diversified: diversifiedStart(2),
    corner: cornerStart(CORNER_NOISE),
  };
  return starts[start];
}

const TARGETED = {
  ce: targetedCrossEntropy,
  margin: targetedMargin,
  dlr: targetedDifferenceOfLogits,
} as const;

/** Under another criterion than misclassification the plain losses of the criterion take the place of special ones. */
function lossOf({ loss, second, third, targets }: Parameters, tried: number): LossOfRestart {
  if (loss === 'ranked' || loss === 'ranked-scaled')
    return (session) =>
      aimsAway(session.judge)
        ? rankedScores(
            { classes: session.target.classes, labels: session.labels },
            { weights: [1, second, third], scaled: loss === 'ranked-scaled' },
          )
        : namedLoss('margin', session);
  if (targets === 0) return (session) => namedLoss(loss, session);
  return (session, restart) =>
    TARGETED[loss]({
      classes: session.target.classes,
      labels: session.labels,
      targets: targetsByRank(session, 1 + (restart % tried)),
    });
}

function processingOf(given: Parameters): GradientAttack['processing'] {
  const { momentum: decay, ahead, relativeStep, diversity, blocks: chance } = given;
  return [
    ...(chance < 1 ? [blocks(chance)] : []),
    ...(decay > 0 ? [momentum({ decay, ...(ahead ? { lookAhead: relativeStep } : {}) })] : []),
    ...(diversity > 0 ? [inputDiversity({ probability: diversity, smallest: 0.9 })] : []),
  ];
}

function stepOf({ step, trust, movedShare }: Parameters, { ball }: AttackSession): GradientAttack['step'] {
  // A step of a vertex in L1 moves one feature: there a share is moved instead.
  if (step === 'sparse' || ball.norm === 'l1') return sparseAscend({ share: movedShare, passOver: true });
  return step === 'inertial' ? inertial(trust) : ascend;
}

function scheduleOf({
  schedule,
  relativeStep: relativeSize,
}: Parameters): (state: LoopState, steps: number) => Schedule {
  if (schedule === 'constant') return constant(relativeSize);
  if (schedule === 'halving') return halving({ relativeSize, rho: 0.75 });
  return falling({ relativeSize, form: schedule });
}
