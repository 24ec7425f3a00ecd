/**
 * A model as an attack sees it. Arrays are row-major float32; a row is one example.
 * Targets are wrapped by the meter (models/meter.ts), which counts, bounds and remembers; attacks know nothing of it.
 */
export interface Batch {
  /** Shape [count, features], every value finite. */
  readonly inputs: Float32Array;
  readonly count: number;
  /** Which example of the attacked set each row is a perturbation of; shape [count], values 0 … examples − 1. */
  readonly rows: Int32Array;
}

/** A model that answers with one score per class. */
export interface ScoreTarget {
  /** Shape of one example without the batch dimension, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Logits or log-probabilities (their margins are equal), shape [count, classes]. */
  scores(batch: Batch): Promise<Float32Array>;
}

/**
 * A loss over scores with its exact derivative, on plain arrays. One value per example; losses are never averaged over
 * the batch, so a gradient does not depend on who else is in it.
 */
export type ScoreLoss = (
  scores: Float32Array,
  batch: Batch,
) => {
  /** Shape [count]. */
  readonly values: Float32Array;
  /** ∂ values[i] / ∂ scores[i, k], shape [count, classes]. */
  readonly derivative: Float32Array;
};

export interface LossGradient {
  readonly scores: Float32Array;
  readonly losses: Float32Array;
  /** ∂ losses[i] / ∂ inputs[i, ·], shape [count, features]. */
  readonly gradient: Float32Array;
}

/** A model that can also be differentiated with respect to its input: a local replica. */
export interface GradientTarget extends ScoreTarget {
  gradient(batch: Batch, loss: ScoreLoss): Promise<LossGradient>;
}

export function hasGradient(target: ScoreTarget): target is GradientTarget {
  return 'gradient' in target;
}

export function featureCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Class with the largest score in one row of [count, classes]; the first of equals. */
export function predictedClass(scores: Float32Array, classes: number, row = 0): number {
  const start = row * classes;
  let best = 0;
  for (let k = 1; k < classes; k++) if (scores[start + k]! > scores[start + best]!) best = k;
  return best;
}
