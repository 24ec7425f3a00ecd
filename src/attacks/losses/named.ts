import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { crossEntropy } from './cross-entropy.ts';
import { differenceOfLogits } from './difference-of-logits.ts';
import { divergenceFromClean, type ReferenceSubject } from './divergence.ts';
import type { LossSubject } from './loss.ts';
import { margin } from './margin.ts';

/** Untargeted losses as recipes name them. */
export const LOSS_NAMES = ['ce', 'margin', 'dlr', 'kl'] as const;
export type LossName = (typeof LOSS_NAMES)[number];

const LOSSES: Readonly<Record<LossName, (subject: LossSubject & ReferenceSubject) => ScoreLoss>> = {
  ce: crossEntropy,
  margin,
  dlr: differenceOfLogits,
  kl: divergenceFromClean,
};

export function namedLoss(
  name: LossName,
  { labels, cleanScores, target }: Pick<AttackSession, 'labels' | 'cleanScores' | 'target'>,
): ScoreLoss {
  return LOSSES[name]({ labels, cleanScores, classes: target.classes });
}
