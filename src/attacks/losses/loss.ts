import type { Batch, ScoreLoss } from '../../domain/target.ts';

/** What a loss knows about the examples, indexed by example (not by row). */
export interface LossSubject {
  readonly classes: number;
  /** Class to get away from. */
  readonly labels: Int32Array;
}

/** A loss towards a class that the adversary chose. */
export interface TargetedSubject extends LossSubject {
  readonly targets: Int32Array;
}

/** Value and derivative of one row: writes ∂/∂scores into `derivative` [classes], which is zero before, and returns the value. */
export type RowLoss = (scores: Float32Array, derivative: Float32Array, example: number) => number;

/** Lifts a loss of one row to a batch. Attacks go up: a larger loss means closer to what the adversary wants. */
export function lossOfRows(classes: number, rowLoss: RowLoss): ScoreLoss {
  return (scores: Float32Array, { count, rows }: Batch) => {
    const values = new Float32Array(count);
    const derivative = new Float32Array(count * classes);
    for (let i = 0; i < count; i++) {
      const from = i * classes;
      const to = from + classes;
      values[i] = rowLoss(scores.subarray(from, to), derivative.subarray(from, to), rows[i]!);
    }
    return { values, derivative };
  };
}

/** Class with the largest score other than `label`; the first of equals. */
export function strongestOther(scores: Float32Array, label: number): number {
  let best = label === 0 ? 1 : 0;
  for (let k = best + 1; k < scores.length; k++) if (k !== label && scores[k]! > scores[best]!) best = k;
  return best;
}
