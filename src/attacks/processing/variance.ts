import type { Rng } from '../../domain/rng.ts';
import type { Batch } from '../../domain/target.ts';
import type { Evaluate, Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { meanOf } from './averaged.ts';

export interface VarianceOptions {
  /** Points drawn around each iterate. */
  readonly neighbours: number;
  /** Radius in which they are drawn, as a multiple of ε. */
  readonly radius: number;
}

/**
 * Variance tuning: a step follows g(x) + v, where v is what the gradients around the point before were on average more
 * than its own,  v = mean_i g(x + r_i) − g(x),  r_i uniform in a ball of radius·ε. Each step but the last costs
 * `neighbours` more forward passes and gradients.
 *
 * @see Wang & He (2021), CVPR, arXiv 2103.15571: five neighbours in 1.5 ε (the paper's best count is 20)
 */
export function varianceTuning({
  neighbours,
  radius,
}: VarianceOptions): (state: LoopState, steps: number) => Processing {
  return (state, steps) => {
    const { space, session, restart } = state;
    const variance = space.floats(session.features);
    const rngs = new Map<number, Rng>();
    for (const example of space.rows.subarray(0, space.count))
      rngs.set(example, session.rng(example, restart, 'neighbours'));
    const around = (batch: Batch): Batch => ({
      ...batch,
      inputs: drawAround(state, { batch, radius, rngs }),
    });
    let step = 0;
    const evaluate = async (next: Evaluate, batch: Batch): ReturnType<Evaluate> => {
      const here = await next(batch);
      const tuned = here.gradient.map((g, j) => g + variance[j]!);
      step++;
      if (step < steps) {
        const { gradient } = await meanOf(neighbours, () => next(around(batch)));
        for (let j = 0; j < gradient.length; j++) variance[j] = gradient[j]! - here.gradient[j]!;
      }
      return { ...here, gradient: tuned };
    };
    return { evaluate: (next) => (batch) => evaluate(next, batch) };
  };
}

/** Draws of the session's ball, which is around the originals, moved to the batch's points and stretched. */
function drawAround(
  { session: { ball, features, originals } }: LoopState,
  { batch, radius, rngs }: { batch: Batch; radius: number; rngs: ReadonlyMap<number, Rng> },
): Float32Array {
  const inputs = new Float32Array(batch.count * features);
  const point = new Float32Array(features);
  for (let i = 0; i < batch.count; i++) {
    const example = batch.rows[i]!;
    ball.drawInside(point, example, rngs.get(example)!);
    for (let j = 0; j < features; j++) {
      const offset = point[j]! - originals[example * features + j]!;
      inputs[i * features + j] = batch.inputs[i * features + j]! + radius * offset;
    }
  }
  return inputs;
}
