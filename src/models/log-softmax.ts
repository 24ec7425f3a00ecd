/** Rows z − log Σ exp(z) of scores [n, classes], in plain code. */
export function logSoftmax(logits: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (const z of row) sum += Math.exp(z - most);
    const shift = most + Math.log(sum);
    for (let k = 0; k < classes; k++) result[from + k] = row[k]! - shift;
  }
  return result;
}

/** ∂L/∂logits from ∂L/∂(log-probabilities):  d_k − p_k Σ_j d_j. Shapes [n, classes]. */
export function throughLogSoftmax(
  derivative: Float32Array,
  logProbabilities: Float32Array,
  classes: number,
): Float32Array {
  const result = new Float32Array(derivative.length);
  for (let from = 0; from < derivative.length; from += classes) {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += derivative[from + k]!;
    for (let k = 0; k < classes; k++)
      result[from + k] = derivative[from + k]! - Math.exp(logProbabilities[from + k]!) * sum;
  }
  return result;
}
