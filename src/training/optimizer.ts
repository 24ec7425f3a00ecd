/** Weights of a model in training with everything that moves with them. Plain arrays of equal length. */
export interface OptimizerState {
  readonly weights: Float32Array;
  /** Adam's running means of the gradient and of its square. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Exponential average of the weights over steps: what is validated and kept. */
  readonly averages: Float32Array;
  /** Updates so far. */
  updates: number;
}

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  /** Share of a weight that is taken away per unit of learning rate, decoupled from the gradient. */
  readonly weightDecay: number;
  /** Weight of the past in the average of the weights, reached after a warm-up. 0 keeps no average. */
  readonly averaging: number;
}

const EPSILON = 1e-8;

export function startOptimizer(weights: Float32Array): OptimizerState {
  return {
    weights: Float32Array.from(weights),
    first: new Float32Array(weights.length),
    second: new Float32Array(weights.length),
    averages: Float32Array.from(weights),
    updates: 0,
  };
}

/**
 * One AdamW update in place, then the average follows:
 *   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   w ← w − η (λ w + m̂ / (√v̂ + ε)),   m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
 *   a ← d a + (1 − d) w,   d = min(averaging, t / (t + 9)): a plain mean at first, so that the start is forgotten
 * Decay is applied where `decays` says so (kernels, not biases). O(weights), float64 inside, float32 kept.
 *
 * @param gradient mean over the batch, finite
 * @param ranges which stretches of the weights move; frozen layers are left out
 * @see Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR
 */
export function updateWeights(
  state: OptimizerState,
  { gradient, learningRate }: { gradient: Float32Array; learningRate: number },
  settings: AdamWSettings & { ranges: readonly { start: number; end: number; decays: boolean }[] },
): void {
  const { weights, first, second, averages } = state;
  const { beta1, beta2, weightDecay, averaging, ranges } = settings;
  state.updates++;
  const bias1 = 1 - beta1 ** state.updates;
  const bias2 = 1 - beta2 ** state.updates;
  const keep = Math.min(averaging, state.updates / (state.updates + 9));
  for (const { start, end, decays } of ranges) {
    const decay = decays ? learningRate * weightDecay : 0;
    for (let i = start; i < end; i++) {
      const g = gradient[i]!;
      const m = beta1 * first[i]! + (1 - beta1) * g;
      const v = beta2 * second[i]! + (1 - beta2) * g * g;
      const before = weights[i]!;
      const after = before - decay * before - (learningRate * (m / bias1)) / (Math.sqrt(v / bias2) + EPSILON);
      first[i] = m;
      second[i] = v;
      weights[i] = after;
      averages[i] = keep * averages[i]! + (1 - keep) * after;
    }
  }
}
