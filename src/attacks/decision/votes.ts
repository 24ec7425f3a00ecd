/** Norms in which votes have a direction. */
export type VoteNorm = 'l2' | 'linf';

export interface Votes {
  /** Counts the vote of a point around the centre. */
  add(isFooled: boolean, point: Float32Array, centre: Float32Array): void;
  /** Where the votes lead: of length 1 in L2, ±1 in every feature in Linf; 0 without votes. Shape [features]. */
  direction(): Float64Array;
}

/**
 * Estimate of the direction in which a boundary is left, from decisions alone. With u_b the moves that were really made
 * (after the range was cut) and φ_b = 1 where the target was fooled, −1 elsewhere:
 *   v = Σ_b (φ_b − φ̄) u_b,   or Σ u_b when all are fooled, −Σ u_b when none is,
 * as v / ‖v‖₂ (L2) or sign v (Linf). Only two sums are kept, so memory does not grow with the votes.
 *
 * @see Chen, Jordan & Wainwright (2020), IEEE S&P, arXiv 1904.02144, equations 9 and 16
 */
export function createVotes(norm: VoteNorm, features: number): Votes {
  const fooled = new Float64Array(features);
  const whole = new Float64Array(features);
  let yes = 0;
  let all = 0;
  return {
    add(isFooled, point, centre) {
      all++;
      if (isFooled) yes++;
      const kept = Number(isFooled);
      for (let j = 0; j < features; j++) {
        const move = point[j]! - centre[j]!;
        whole[j]! += move;
        fooled[j]! += kept * move;
      }
    },
    direction() {
      const mean = all === 0 ? 0 : (2 * yes) / all - 1;
      const isMixed = yes > 0 && yes < all;
      // Σ (φ − φ̄) u = 2 Σ_fooled u − (1 + φ̄) Σ u
      const sum = fooled.map((own, j) => {
        if (isMixed) return 2 * own - (1 + mean) * whole[j]!;
        return yes > 0 ? whole[j]! : -whole[j]!;
      });
      if (norm === 'linf') return sum.map((value) => Math.sign(value));
      const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
      return length > 0 ? sum.map((value) => value / length) : sum;
    },
  };
}
