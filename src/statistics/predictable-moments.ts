/**
 * Running mean and variance that step t may use because they look only at steps before it:
 *   μ̂_t = (½ + Σ_{i≤t} x_i) / (t + 1)      σ̂²_t = (¼ + Σ_{i≤t} (x_i − μ̂_i)²) / (t + 1)      μ̂_0 = ½, σ̂²_0 = ¼
 * for x in [0, 1]. Three numbers, so any state that holds it is JSON.
 * @see Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, JRSS-B 86(1)
 */
export interface PredictableMoments {
  readonly n: number;
  readonly sum: number;
  /** Σ (x_i − μ̂_i)². */
  readonly squares: number;
}

export const NO_MOMENTS: PredictableMoments = { n: 0, sum: 0, squares: 0 };

/** μ̂ after n observations, in (0, 1). */
export function predictableMean({ n, sum }: PredictableMoments): number {
  return (0.5 + sum) / (n + 1);
}

/** σ̂² after n observations, in (0, ¼·(n+1)/(n+1)]: never 0, because it starts at ¼. */
export function predictableVariance({ n, squares }: PredictableMoments): number {
  return (0.25 + squares) / (n + 1);
}

/** Takes one observation in. O(1). @param x in [0, 1] */
export function addToMoments(moments: PredictableMoments, x: number): PredictableMoments {
  const n = moments.n + 1;
  const sum = moments.sum + x;
  const mean = (0.5 + sum) / (n + 1);
  return { n, sum, squares: moments.squares + (x - mean) ** 2 };
}
