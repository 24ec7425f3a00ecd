import { z } from 'zod';
import type { AttackSession } from '../attack.ts';
import type { GradientAttack, LossOfRestart, Phase } from '../loop/parts.ts';
import { targetedDifferenceOfLogits } from '../losses/difference-of-logits.ts';
import { namedLoss } from '../losses/named.ts';
import { adaptiveSparsity } from '../schedules/adaptive-sparsity.ts';
import { halving } from '../schedules/halving.ts';
import { normalStart } from '../starts/noise.ts';
import { surfaceStart } from '../starts/random.ts';
import { inertial } from '../steps/inertial.ts';
import { sparseAscend } from '../steps/sparse-ascend.ts';
import { targetCount, targetsByRank } from '../targets.ts';
import { defineGradientAttack } from './gradient-attack.ts';
import { drawsParameter, restartsParameter, stepsParameter } from './shared-parameters.ts';

const parameters = z.strictObject({
  steps: stepsParameter(100),
  restarts: restartsParameter,
  rho: z
    .number()
    .gt(0)
    .max(1)
    .default(0.75)
    .describe('The step is halved when the loss rose in at most this share of an interval. Default 0.75.'),
  draws: drawsParameter,
  shrinkingBall: z
    .boolean()
    .optional()
    .describe(
      'L1 only: whether 30 % of the steps go in a ball of 3 epsilon, 30 % in one of 2 epsilon, and the rest in the ball itself. Default false.',
    ),
});
type Parameters = z.infer<typeof parameters>;

const norms = ['linf', 'l2', 'l1'] as const;

/** @see Croce & Hein (2020), ICML, arXiv 2003.01690, in L1 (2021), ICML, arXiv 2103.01208: parameters of AutoAttack */
export const apgdCe = defineGradientAttack({
  norms,
  name: 'apgd-ce',
  summary: 'Auto-PGD on cross-entropy: inertia, and steps that halve at checkpoints.',
  parameters,
  build: (given, session) => apgd(session, given, (subject) => namedLoss('ce', subject)),
});

export const apgdDlr = defineGradientAttack({
  norms,
  name: 'apgd-dlr',
  summary: 'Auto-PGD on the difference of logits ratio; needs three classes.',
  parameters,
  build: (given, session) => apgd(session, given, (subject) => namedLoss('dlr', subject)),
});

/** For models with too few classes for the ratios, and with scores of odd sizes. */
export const apgdMargin = defineGradientAttack({
  norms,
  name: 'apgd-margin',
  summary: 'Auto-PGD on the margin between the best other and the true score; any number of classes.',
  parameters,
  build: (given, session) => apgd(session, given, (subject) => namedLoss('margin', subject)),
});

/** Each of the likeliest other classes in turn, on the examples that survived the ones before. */
export const apgdTargeted = defineGradientAttack({
  norms,
  name: 'apgd-t',
  summary:
    'Auto-PGD on the targeted difference of logits ratio, one target class after another; needs four classes.',
  parameters: parameters.extend({
    targets: z.int().min(1).max(1_000).default(9).describe('Target classes, likeliest first. Default 9.'),
  }),
  build({ targets, ...given }, session) {
    const { classes } = session.target;
    const tried = Math.max(1, Math.min(targets, targetCount(session)));
    return apgd(session, { ...given, restarts: given.restarts * tried }, (subject, restart) =>
      targetedDifferenceOfLogits({
        classes,
        labels: subject.labels,
        targets: targetsByRank(subject, 1 + (restart % tried)),
      }),
    );
  },
});

function apgd(
  { ball }: AttackSession,
  { steps, restarts, rho, shrinkingBall = false }: Parameters,
  loss: LossOfRestart,
): GradientAttack {
  const shared = { steps, restarts, loss, processing: [] };
  if (ball.norm !== 'l1')
    return {
      ...shared,
      start: surfaceStart,
      step: inertial(0.75),
      schedule: halving({ relativeSize: 2, rho }),
    };
  return {
    ...shared,
    start: normalStart(1),
    step: sparseAscend({ share: 0.2, passOver: false }),
    schedule: adaptiveSparsity(shrinkingBall),
    ...(shrinkingBall ? { phases: shrinkingPhases(steps) } : {}),
  };
}

/** 3 ε, 2 ε and ε for 30, 30 and 40 % of the steps; a path of fewer than three steps has no phases. */
export function shrinkingPhases(steps: number): readonly Phase[] {
  if (steps < 3) return [{ radius: 1, steps }];
  const part = Math.ceil(0.3 * steps);
  return [
    { radius: 3, steps: part },
    { radius: 2, steps: part },
    { radius: 1, steps: steps - 2 * part },
  ];
}
