import type { LossGradient } from '../../domain/target.ts';
import type { Processing } from '../loop/parts.ts';

/**
 * Expectation over transformations: losses and gradients are means of `draws` answers of a target, or of transforms
 * further in, that differ each time. Scores are those of the last answer. With one draw it changes nothing.
 *
 * @see Athalye et al. (2018), ICML, arXiv 1707.07397
 */
export function averaged(draws: number): () => Processing {
  return () => ({ evaluate: (next) => (draws === 1 ? next : (batch) => meanOf(draws, () => next(batch))) });
}

/** Means of losses and gradients over `count` answers; scores of the last one. */
export async function meanOf(
  count: number,
  answer: (index: number) => Promise<LossGradient>,
): Promise<LossGradient> {
  let last = await answer(0);
  const losses = Float64Array.from(last.losses);
  const gradient = Float64Array.from(last.gradient);
  for (let index = 1; index < count; index++) {
    last = await answer(index);
    for (let i = 0; i < losses.length; i++) losses[i]! += last.losses[i]!;
    for (let i = 0; i < gradient.length; i++) gradient[i]! += last.gradient[i]!;
  }
  return { scores: last.scores, losses: dividedBy(count, losses), gradient: dividedBy(count, gradient) };
}

function dividedBy(count: number, sums: Float64Array): Float32Array {
  const means = new Float32Array(sums.length);
  for (let i = 0; i < sums.length; i++) means[i] = sums[i]! / count;
  return means;
}
