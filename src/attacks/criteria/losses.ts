import type { Judge } from '../../domain/criterion.ts';
import type { ScoreLoss } from '../../domain/target.ts';
import { ratioOfLogits } from '../losses/difference-of-logits.ts';
import { lossOfRows, type RowLoss } from '../losses/loss.ts';

export interface CriterionSubject {
  readonly classes: number;
  readonly labels: Int32Array;
  readonly judge: Judge;
}

/**
 * Margin of a criterion:  L = z_plus − z_minus,  above 0 exactly when the criterion is met (but for ties). Plus is the
 * best wanted class and minus the best unwanted one; for top-k, the k-th best class other than the label, and the label.
 * With a threshold of confidence τ it is the lesser of that and  log softmax(z)_plus − log τ.
 */
export function criterionMargin(subject: CriterionSubject): ScoreLoss {
  const threshold = confidenceOf(subject.judge);
  return lossOfRows(subject.classes, (scores, derivative, example) => {
    const [plus, minus] = contest(subject, scores, example);
    const margin = scores[plus]! - scores[minus]!;
    if (threshold !== undefined) {
      const gap = logShare(scores, derivative, [plus]) - Math.log(threshold);
      if (gap < margin) return gap;
      derivative.fill(0);
    }
    derivative[plus]! += 1;
    derivative[minus]! -= 1;
    return margin;
  });
}

/**
 * Log-probability of what is wanted:  L = log Σ_{k ∈ W} exp(z_k) − log Σ_k exp(z_k): minus the cross-entropy of the target
 * where W is one class. With a threshold of confidence only the best wanted class counts, since one class must reach it.
 * For top-k it is the cross-entropy of the label.
 */
export function criterionCrossEntropy(subject: CriterionSubject): ScoreLoss {
  const { classes, judge } = subject;
  const isConfident = confidenceOf(judge) !== undefined;
  return lossOfRows(classes, (scores, derivative, example) => {
    const [plus] = contest(subject, scores, example);
    const wanted = judge.wanted(example);
    const all = Array.from(wanted.keys()).filter((k) => wanted[k] === 1);
    return logShare(scores, derivative, isConfident || all.length === 0 ? [plus] : all);
  });
}

/** The criterion's margin over z_(1) − z_(3), as the difference of logits ratio. Needs three classes. */
export function criterionRatio(subject: CriterionSubject): ScoreLoss {
  const ratio: RowLoss = (scores, derivative, example) => {
    const [plus, minus] = contest(subject, scores, example);
    return ratioOfLogits(scores, derivative, { plus, minus });
  };
  return lossOfRows(subject.classes, ratio);
}

/** The two classes between which it is decided. Where nothing is wanted, another class than the label and the label. */
function contest(
  { judge, labels }: CriterionSubject,
  scores: Float32Array,
  example: number,
): readonly [plus: number, minus: number] {
  const label = labels[example]!;
  const { criterion } = judge;
  const wanted = judge.wanted(example);
  if (criterion.kind === 'top-k') return [nthBest(scores, wanted, criterion.k), label];
  const isNothingWanted = !wanted.includes(1);
  if (isNothingWanted) return [label === 0 ? 1 : 0, label];
  return [
    nthBest(scores, wanted, 1),
    nthBest(
      scores,
      wanted.map((flag) => 1 - flag),
      1,
    ),
  ];
}

/** The class with the n-th largest score among those that `among` marks; the first of equals comes first. */
function nthBest(scores: Float32Array, among: Uint8Array, n: number): number {
  const marked = Array.from(among.keys()).filter((k) => among[k] === 1);
  marked.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return marked[Math.min(n, marked.length) - 1]!;
}

/** log Σ_{k ∈ chosen} exp(z_k) − log Σ_k exp(z_k), with its derivative; the largest score is taken out of each sum. */
function logShare(scores: Float32Array, derivative: Float32Array, chosen: readonly number[]): number {
  const best = chosen.reduce((most, k) => Math.max(most, scores[k]!), -Infinity);
  const most = scores.reduce((a, b) => Math.max(a, b));
  const part = chosen.reduce((sum, k) => sum + Math.exp(scores[k]! - best), 0);
  const whole = scores.reduce((sum, z) => sum + Math.exp(z - most), 0);
  for (let k = 0; k < scores.length; k++) derivative[k] = -Math.exp(scores[k]! - most) / whole;
  for (const k of chosen) derivative[k]! += Math.exp(scores[k]! - best) / part;
  return best + Math.log(part) - most - Math.log(whole);
}

function confidenceOf({ criterion: { reject } }: Judge): number | undefined {
  return reject !== undefined && 'confidence' in reject ? reject.confidence : undefined;
}
