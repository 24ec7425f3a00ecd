import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows, type LossSubject, type TargetedSubject } from './loss.ts';

/**
 * Cross-entropy of the true class, without clipping:  L = log Σ_k exp(z_k) − z_y      ∂L/∂z_k = softmax(z)_k − [k = y]
 * The largest score is taken out of the sum first, so nothing overflows. For log-probabilities the sum is 0.
 */
export function crossEntropy({ classes, labels }: LossSubject): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) =>
    towards(scores, derivative, [labels[example]!, 1]),
  );
}

/** Cross-entropy of the class that is wanted, turned round so that it goes up:  L = z_t − log Σ_k exp(z_k). */
export function targetedCrossEntropy({ classes, targets }: TargetedSubject): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) =>
    towards(scores, derivative, [targets[example]!, -1]),
  );
}

function towards(
  scores: Float32Array,
  derivative: Float32Array,
  [wanted, sign]: readonly [wanted: number, sign: 1 | -1],
): number {
  const most = scores.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - most);
  for (let k = 0; k < scores.length; k++) derivative[k] = (sign * Math.exp(scores[k]! - most)) / sum;
  // 1 − p as the sum of the others: exact where p is so near 1 that the difference would be 0.
  let others = 0;
  for (let k = 0; k < scores.length; k++) if (k !== wanted) others += Math.exp(scores[k]! - most);
  derivative[wanted] = (-sign * others) / sum;
  return sign * (Math.log(sum) + most - scores[wanted]!);
}
