const TOLERANCE = 1e-5;

/**
 * Whether scores look like probabilities: all rows lie in [0, 1] and sum to 1, within 1e-5. Attacks want logits: the
 * gradient of cross-entropy on probabilities vanishes, and ratios of logits lose their meaning. False of no rows.
 *
 * @param scores shape [count, classes]
 */
export function isSoftmaxOutput(scores: Float32Array, classes: number): boolean {
  if (scores.length === 0) return false;
  for (let from = 0; from < scores.length; from += classes) {
    const row = scores.subarray(from, from + classes);
    const sum = row.reduce((total, score) => total + score, 0);
    if (!row.every((score) => score >= 0 && score <= 1) || Math.abs(sum - 1) > TOLERANCE) return false;
  }
  return true;
}
