import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows } from './loss.ts';

/** What a loss that compares with the unchanged example knows, indexed by example. */
export interface ReferenceSubject {
  readonly classes: number;
  /** Scores of the unchanged examples, shape [examples, classes]. */
  readonly cleanScores: Float32Array;
}

/**
 * Kullback–Leibler divergence from the clean answer, as TRADES drives it up:
 *   L = Σ_k p_k (log p_k − log q_k),  p = softmax(z_clean), q = softmax(z)      ∂L/∂z_k = q_k − p_k   [nats, ≥ 0]
 * Label-free; its gradient is 0 at the example itself, so attacks need a start elsewhere.
 *
 * @see Zhang et al. (2019), ICML, arXiv 1901.08573
 */
export function divergenceFromClean({ classes, cleanScores }: ReferenceSubject): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) => {
    const clean = cleanScores.subarray(example * classes, (example + 1) * classes);
    const here = { normaliser: logSumExp(scores), clean: logSumExp(clean) };
    let value = 0;
    for (let k = 0; k < classes; k++) {
      const logP = clean[k]! - here.clean;
      const logQ = scores[k]! - here.normaliser;
      const p = Math.exp(logP);
      derivative[k] = Math.exp(logQ) - p;
      if (p > 0) value += p * (logP - logQ);
    }
    return value;
  });
}

function logSumExp(scores: Float32Array): number {
  const most = scores.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - most);
  return most + Math.log(sum);
}
