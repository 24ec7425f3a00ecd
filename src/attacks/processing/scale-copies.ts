import type { Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { meanOf } from './averaged.ts';

/**
 * Scale invariance: the loss is the mean over copies of the example, darkened towards the low end of the range,
 *   S_i(x) = low + (x − low) / 2^i,  i = 0 … copies − 1,
 * and the gradient that of the mean, each copy's own divided by 2^i. Each copy costs a forward pass and a gradient.
 *
 * @see Lin et al. (2020), ICLR, arXiv 1908.06281: five copies
 */
export function scaleCopies(copies: number): (state: LoopState) => Processing {
  return ({ session }) => {
    const [low] = session.threat.range;
    return {
      evaluate: (next) => (batch) =>
        meanOf(copies, async (index) => {
          if (index === 0) return next(batch);
          const scale = 2 ** -index;
          const inputs = batch.inputs.map((x) => low + (x - low) * scale);
          const answer = await next({ ...batch, inputs });
          return { ...answer, gradient: answer.gradient.map((g) => g * scale) };
        }),
    };
  };
}
