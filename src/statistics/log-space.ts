/** ln(e^a + e^b) without overflow; −∞ stands for 0. */
export function logAddExp(a: number, b: number): number {
  const high = Math.max(a, b);
  if (high === -Infinity) return -Infinity;
  return high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/** ln Σ e^{x_i} without overflow; −∞ for an empty list. O(n). */
export function logSumExp(logs: readonly number[]): number {
  const high = Math.max(-Infinity, ...logs);
  if (high === -Infinity) return -Infinity;
  return high + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - high), 0));
}
