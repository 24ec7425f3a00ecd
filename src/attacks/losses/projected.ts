import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows } from './loss.ts';

/**
 * The scores along fixed directions:  L = Σ_k w_k z_k,  ∂L/∂z_k = w_k.
 * @param weights of each example, shape [examples, classes]
 */
export function projectedScores(weights: Float32Array, classes: number): ScoreLoss {
  return lossOfRows(classes, (scores, derivative, example) => {
    let value = 0;
    for (let k = 0; k < classes; k++) {
      derivative[k] = weights[example * classes + k]!;
      value += derivative[k]! * scores[k]!;
    }
    return value;
  });
}
