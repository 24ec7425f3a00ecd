import type { ScoreLoss } from '../../domain/target.ts';
import { crossEntropy } from './cross-entropy.ts';
import { differenceOfLogits } from './difference-of-logits.ts';
import type { LossSubject } from './loss.ts';
import { margin } from './margin.ts';

/** Untargeted losses as recipes name them. */
export const LOSS_NAMES = ['ce', 'margin', 'dlr'] as const;
export type LossName = (typeof LOSS_NAMES)[number];

const LOSSES: Readonly<Record<LossName, (subject: LossSubject) => ScoreLoss>> = {
  ce: crossEntropy,
  margin,
  dlr: differenceOfLogits,
};

export function namedLoss(name: LossName, subject: LossSubject): ScoreLoss {
  return LOSSES[name](subject);
}
