import type { Climb } from './climb.ts';
import type { StepRule } from './estimated.ts';

export interface PlateauOptions {
  /** First and least size of a step, as multiples of epsilon. */
  readonly relativeStep: number;
  readonly leastStep: number;
  /** Share of the momentum kept per step. */
  readonly decay: number;
  /** So many steps without a rise of the loss divide the size. */
  readonly plateau: number;
  readonly drop: number;
}

/**
 * Momentum and a size that falls on plateaus:  v ← decay · v + (1 − decay) · g,  x ← x + size · steepest(v). When the loss
 * is lower than `plateau` − 1 steps ago, size ← max(size / drop, least), and the count begins anew.
 *
 * @see Ilyas et al. (2018), ICML, arXiv 1804.08598
 */
export function plateauRule(climb: Climb, options: PlateauOptions): StepRule {
  const { decay, plateau, drop } = options;
  const momentum = new Float32Array(climb.features);
  const least = options.leastStep * climb.epsilon;
  let size = options.relativeStep * climb.epsilon;
  let losses: number[] = [];
  return {
    step(point, gradient, loss) {
      losses = [...losses, loss].slice(-plateau);
      if (losses.length === plateau && loss < losses[0]!) {
        size = Math.max(size / drop, least);
        losses = [];
      }
      for (let j = 0; j < point.length; j++) momentum[j] = decay * momentum[j]! + (1 - decay) * gradient[j]!;
      gradient.set(momentum);
      climb.normalise(gradient);
      for (let j = 0; j < point.length; j++) point[j]! += size * gradient[j]!;
    },
  };
}

const DECAYS = [0.9, 0.999] as const;
const GUARD = 1e-8;

/**
 * Adam, upwards. A step has about `relativeStep`·ε in every feature in Linf, and about that length in L2.
 * @see Uesato et al. (2018), ICML, arXiv 1802.05666; Kingma & Ba (2015)
 */
export function adamRule(climb: Climb, relativeStep: number): StepRule {
  const means = new Float64Array(climb.features);
  const squares = new Float64Array(climb.features);
  const perFeature = climb.norm === 'l2' ? 1 / Math.sqrt(climb.features) : 1;
  const size = relativeStep * climb.epsilon * perFeature;
  const [first, second] = DECAYS;
  let steps = 0;
  return {
    step(point, gradient) {
      steps++;
      const scale = size / (1 - first ** steps);
      const squareScale = 1 / (1 - second ** steps);
      for (let j = 0; j < point.length; j++) {
        const g = gradient[j]!;
        means[j] = first * means[j]! + (1 - first) * g;
        squares[j] = second * squares[j]! + (1 - second) * g * g;
        point[j]! += (scale * means[j]!) / (Math.sqrt(squares[j]! * squareScale) + GUARD);
      }
    },
  };
}
