import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { lengthIn } from './lengths.ts';
import { farthestCorners, normaliseGradients } from './radii.ts';
import { cosine, createSearch, descend, originalOf, rowOf } from './search.ts';

export interface DdnParameters {
  readonly steps: number;
  /** Share by which the radius shrinks or grows per step. */
  readonly adaptation: number;
  /** Radius at first, as a share of the range's width. */
  readonly firstRadius: number;
}

/** Step sizes at first and at last, as shares of the range's width. */
const STEP_SIZES = [1, 0.01] as const;

/**
 * Decoupled direction and norm (L2). Each step goes along the gradient of the cross-entropy, then back onto a sphere
 * around the example:  r ← r·(1 − γ) where the iterate is adversarial, r·(1 + γ) elsewhere;  x ← x₀ + r·δ/‖δ‖.
 * Steps fall from 1 to 0.01 along a cosine; both are in units of the range's width.
 *
 * @see Rony et al. (2019), CVPR, arXiv 1811.09600
 */
export async function runDdn(
  session: AttackSession,
  { steps, adaptation, firstRadius }: DdnParameters,
): Promise<void> {
  const search = createSearch(session);
  const { space, x, gradient, fooled } = search;
  const [low, high] = session.threat.range;
  const range = float32Range(session.threat.range);
  const radii = space.doubles(1).fill(firstRadius * (high - low));
  const corners = farthestCorners(search);
  const moved = new Float64Array(session.features);
  const move = (step: number): void => {
    const size = (high - low) * cosine(step, steps, STEP_SIZES);
    normaliseGradients(search, step);
    for (let i = 0; i < space.count; i++) {
      const point = rowOf(search, x, i);
      const original = originalOf(search, i);
      const along = rowOf(search, gradient, i);
      for (let j = 0; j < moved.length; j++) moved[j] = point[j]! - original[j]! + size * along[j]!;
      radii[i] = Math.min(radii[i]! * (1 + (fooled[i] === 1 ? -adaptation : adaptation)), corners[i]!);
      const length = lengthIn('l2', moved);
      const scale = length > 0 ? radii[i]! / length : 0;
      for (let j = 0; j < moved.length; j++) point[j] = original[j]! + scale * moved[j]!;
      clampToRange(point, range);
    }
  };
  await descend(search, { steps, loss: namedLoss('ce', session), move });
}
