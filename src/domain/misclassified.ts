/**
 * Whether some class other than `label` wins one row of scores [count, classes]. Equal scores go to the first class, as
 * in `predictedClass`. A comparison with NaN never counts, nor does a tie of infinite scores, so a model whose answer
 * overflowed in every class is not thereby fooled.
 */
export function isMisclassified(scores: Float32Array, classes: number, row: number, label: number): boolean {
  const start = row * classes;
  const own = scores[start + label]!;
  for (let k = 0; k < classes; k++) {
    const other = scores[start + k]!;
    if (other > own || (k < label && other === own && Number.isFinite(own))) return true;
  }
  return false;
}
