import type { Rng } from '../../domain/rng.ts';
import type { Batch } from '../../domain/target.ts';
import type { Evaluate, Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { imageOf } from './image-of.ts';
import { createResize, type Resize } from './resize.ts';

export interface DiversityOptions {
  /** Chance that an example is resized at a step. */
  readonly probability: number;
  /** Smallest size it is resized to, as a share of its own. */
  readonly smallest: number;
}

/**
 * Input diversity: with some chance, an example is shown to the model shrunk to a random size and put at a random place
 * on a ground of the range's low end. Gradients are those of the loss with respect to the unshrunk example. Every example
 * draws its own size and place.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when examples are not images
 * @see Xie et al. (2019), CVPR, arXiv 1803.06978: chance 0.5, smallest 0.9
 */
export function inputDiversity(options: DiversityOptions): (state: LoopState) => Processing {
  return ({ session, space, restart }) => {
    const image = imageOf(session, 'di-fgsm');
    const [ground] = session.threat.range;
    const rngs = new Map<number, Rng>();
    for (const example of space.rows.subarray(0, space.count))
      rngs.set(example, session.rng(example, restart, 'diversity'));
    const draw = (example: number): Resize | undefined => {
      const rng = rngs.get(example)!;
      if (rng.uniform() >= options.probability) return undefined;
      const share = options.smallest + (1 - options.smallest) * rng.uniform();
      const height = Math.max(1, Math.round(share * image.height));
      const width = Math.max(1, Math.round(share * image.width));
      const top = rng.below(image.height - height + 1);
      const left = rng.below(image.width - width + 1);
      return createResize(image, { top, left, height, width });
    };
    return { evaluate: (next) => (batch) => evaluateResized(next, { batch, draw, ground }) };
  };
}

async function evaluateResized(
  next: Evaluate,
  { batch, draw, ground }: { batch: Batch; draw: (example: number) => Resize | undefined; ground: number },
): ReturnType<Evaluate> {
  const features = batch.inputs.length / batch.count;
  const rowOf = (values: Float32Array, i: number): Float32Array =>
    values.subarray(i * features, (i + 1) * features);
  const resizes = Array.from(batch.rows.subarray(0, batch.count), draw);
  const inputs = batch.inputs.slice();
  resizes.forEach((resize, i) => resize?.apply(rowOf(batch.inputs, i), { into: rowOf(inputs, i), ground }));
  const answer = await next({ ...batch, inputs });
  const gradient = answer.gradient.slice();
  resizes.forEach((resize, i) => resize?.pullBack(rowOf(answer.gradient, i), rowOf(gradient, i)));
  return { ...answer, gradient };
}
