import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows, strongestOther, type LossSubject, type TargetedSubject } from './loss.ts';

/**
 * Margin of Carlini and Wagner:  L = max_{i≠y} z_i − z_y, above 0 exactly when another class wins. Its gradient does
 * not vanish on confident examples, and log-probabilities have the margins of logits.
 */
export function margin({ classes, labels }: LossSubject): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) => {
    const label = labels[example]!;
    return difference(scores, derivative, [strongestOther(scores, label), label]);
  });
}

/** Margin towards a chosen class:  L = z_t − z_y. */
export function targetedMargin({ classes, labels, targets }: TargetedSubject): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) =>
    difference(scores, derivative, [targets[example]!, labels[example]!]),
  );
}

function difference(
  scores: Float32Array,
  derivative: Float32Array,
  [plus, minus]: readonly [number, number],
): number {
  derivative[plus]! += 1;
  derivative[minus]! -= 1;
  return scores[plus]! - scores[minus]!;
}
