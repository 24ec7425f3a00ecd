import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import {
  criterionCrossEntropy,
  criterionMargin,
  criterionRatio,
  type CriterionSubject,
} from '../criteria/losses.ts';
import { crossEntropy } from './cross-entropy.ts';
import { assertClasses, differenceOfLogits } from './difference-of-logits.ts';
import { divergenceFromClean, type ReferenceSubject } from './divergence.ts';
import type { LossSubject } from './loss.ts';
import { margin } from './margin.ts';

/** Losses as recipes name them. */
export const LOSS_NAMES = ['ce', 'margin', 'dlr', 'kl'] as const;
export type LossName = (typeof LOSS_NAMES)[number];

const LOSSES: Readonly<Record<LossName, (subject: LossSubject & ReferenceSubject) => ScoreLoss>> = {
  ce: crossEntropy,
  margin,
  dlr: differenceOfLogits,
  kl: divergenceFromClean,
};

/** The same under another criterion than plain misclassification. The divergence aims at nothing, and stays what it is. */
const CRITERION_LOSSES: Readonly<
  Record<LossName, (subject: CriterionSubject & ReferenceSubject) => ScoreLoss>
> = {
  ce: criterionCrossEntropy,
  margin: criterionMargin,
  dlr: (subject) => {
    assertClasses('dlr', subject.classes, 3);
    return criterionRatio(subject);
  },
  kl: divergenceFromClean,
};

/** A loss that grows as the session's criterion comes nearer: under a targeted one it pulls towards the target. */
export function namedLoss(
  name: LossName,
  { labels, cleanScores, target, judge }: Pick<AttackSession, 'labels' | 'cleanScores' | 'target' | 'judge'>,
): ScoreLoss {
  const subject = { labels, cleanScores, classes: target.classes, judge };
  return aimsAway(judge) ? LOSSES[name](subject) : CRITERION_LOSSES[name](subject);
}

/** Whether getting away from the label is all that is wanted; then the plain losses are the ones of the literature. */
export function aimsAway({ criterion: { kind, reject } }: AttackSession['judge']): boolean {
  return kind === 'misclassified' && reject === undefined;
}
