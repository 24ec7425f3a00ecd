import { toFloats, type RawInputs } from '../data/slice.ts';
import { predictedClass } from '../domain/target.ts';
import { tf } from '../engine/tf.ts';

/** Labelled rows on their way to a compute worker: bytes stay bytes until they are computed on. */
export interface LabelledRows {
  /** Shape [rows, features]. */
  readonly inputs: RawInputs;
  /** Shape [rows]. */
  readonly labels: Int32Array;
}

export function rowsTensor(rows: LabelledRows, inputShape: readonly number[]): tf.Tensor {
  return tf.tensor(toFloats(rows.inputs), [rows.labels.length, ...inputShape]);
}

/** How many rows of [rows, classes] have their largest score at their label. */
export function countCorrect(scores: Float32Array, labels: Int32Array): number {
  const classes = scores.length / labels.length;
  return labels.reduce(
    (sum, label, row) => sum + (predictedClass(scores, classes, row) === label ? 1 : 0),
    0,
  );
}

/** The class with the largest score of each row. */
export function predictions(scores: Float32Array, rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => predictedClass(scores, scores.length / rows, row));
}
