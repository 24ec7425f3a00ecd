import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows, type LossSubject } from './loss.ts';

export interface RankedTerms {
  /** Weight of the largest, second largest … score of another class than the label. */
  readonly weights: readonly number[];
  /** Whether values are divided by the largest score less the mean of the others ranked, so that scaling changes nothing. */
  readonly scaled: boolean;
}

const GUARD = 1e-12;

/**
 * A loss over sorted scores:  L = Σ_j w_j z_(j) − (Σ_j w_j)·z_y,  z_(j) the j-th largest score of a class other than y;
 * divided by s = z_(1) − mean_j z_(j) over all scores when scaled. w = (1) is the margin, (1, 1) pulls at two classes at
 * once. Ranks beyond the last class add nothing.
 */
export function rankedScores({ classes, labels }: LossSubject, { weights, scaled }: RankedTerms): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) => {
    const label = labels[example]!;
    const others = Array.from(scores.keys()).filter((k) => k !== label);
    others.sort((a, b) => scores[b]! - scores[a]! || a - b);
    let value = 0;
    weights.slice(0, others.length).forEach((weight, rank) => {
      value += weight * (scores[others[rank]!]! - scores[label]!);
      derivative[others[rank]!]! += weight;
      derivative[label]! -= weight;
    });
    return scaled ? divideBySpread(scores, derivative, value) : value;
  });
}

/** v / s with s = max z − mean z + guard, by the quotient rule; where all scores are equal it changes nothing. */
function divideBySpread(scores: Float32Array, derivative: Float32Array, value: number): number {
  const top = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const spread = scores[top]! - mean;
  if (!(spread > GUARD)) return value;
  const ratio = value / spread;
  for (let k = 0; k < scores.length; k++)
    derivative[k] = (derivative[k]! - ratio * (Number(k === top) - 1 / scores.length)) / spread;
  return ratio;
}
