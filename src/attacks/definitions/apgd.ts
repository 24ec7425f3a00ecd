import { z } from 'zod';
import { defineAttack, THREAT_CLASSES } from '../attack.ts';
import type { LossOfRestart } from '../loop/parts.ts';
import { runGradientAttack } from '../loop/run.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import { differenceOfLogits, targetedDifferenceOfLogits } from '../losses/difference-of-logits.ts';
import { averaged } from '../processing/averaged.ts';
import { halving } from '../schedules/halving.ts';
import { surfaceStart } from '../starts/random.ts';
import { inertial } from '../steps/inertial.ts';
import { targetsByRank } from '../targets.ts';
import type { AttackSession } from '../attack.ts';
import { restartsParameter, stepsParameter } from './shared-parameters.ts';

const parameters = z.strictObject({
  steps: stepsParameter(100),
  restarts: restartsParameter,
  rho: z
    .number()
    .gt(0)
    .max(1)
    .default(0.75)
    .describe('The step is halved when the loss rose in at most this share of an interval. Default 0.75.'),
  draws: z
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe('Gradients averaged per step, for models that answer at random. Default 1.'),
});
type Parameters = z.infer<typeof parameters>;

const shared = {
  access: 'gradients',
  norms: ['linf', 'l2'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
} as const;

/** @see Croce & Hein (2020), ICML, arXiv 2003.01690: parameters of AutoAttack */
export const apgdCe = defineAttack({
  ...shared,
  name: 'apgd-ce',
  summary: 'Auto-PGD on cross-entropy: inertia, and steps that halve at checkpoints.',
  parameters,
  run: (session, given) =>
    runApgd(session, given, ({ labels, target: { classes } }) => crossEntropy({ labels, classes })),
});

export const apgdDlr = defineAttack({
  ...shared,
  name: 'apgd-dlr',
  summary: 'Auto-PGD on the difference of logits ratio; needs three classes.',
  parameters,
  run: (session, given) =>
    runApgd(session, given, ({ labels, target: { classes } }) => differenceOfLogits({ labels, classes })),
});

/** Each of the likeliest other classes in turn, on the examples that survived the ones before. */
export const apgdTargeted = defineAttack({
  ...shared,
  name: 'apgd-t',
  summary:
    'Auto-PGD on the targeted difference of logits ratio, one target class after another; needs four classes.',
  parameters: parameters.extend({
    targets: z.int().min(1).max(1_000).default(9).describe('Target classes, likeliest first. Default 9.'),
  }),
  run(session, { targets, ...given }) {
    const { classes } = session.target;
    const tried = Math.min(targets, classes - 1);
    return runApgd(session, { ...given, restarts: given.restarts * tried }, (subject, restart) =>
      targetedDifferenceOfLogits({
        classes,
        labels: subject.labels,
        targets: targetsByRank(subject, 1 + (restart % tried)),
      }),
    );
  },
});

function runApgd(
  session: AttackSession,
  { steps, restarts, rho, draws }: Parameters,
  loss: LossOfRestart,
): Promise<void> {
  return runGradientAttack(session, {
    steps,
    restarts,
    start: surfaceStart,
    loss,
    processing: draws > 1 ? [averaged(draws)] : [],
    step: inertial(0.75),
    schedule: halving({ relativeSize: 2, rho }),
  });
}
