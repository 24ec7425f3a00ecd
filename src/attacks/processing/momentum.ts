import type { Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

export interface MomentumOptions {
  /** Share of the momentum that is kept per step; 0 leaves the direction as it is, but for its length. */
  readonly decay: number;
  /** With it gradients are asked for ahead, at x + decay·lookAhead·ε·m (Nesterov); a multiple of ε, the step's own size. */
  readonly lookAhead?: number;
}

/**
 * Momentum iterative method:  m ← decay·m + g / mean|g|, and the step follows m. A zero gradient adds nothing.
 * Points ahead are not projected, as in the paper.
 *
 * @see Dong et al. (2018), CVPR, arXiv 1710.06081; with look-ahead Lin et al. (2020), ICLR, arXiv 1908.06281
 */
export function momentum({ decay, lookAhead }: MomentumOptions): (state: LoopState) => Processing {
  return ({ space, session, direction }) => {
    const { features } = session;
    const velocity = space.floats(features);
    const direct = (): void => {
      for (let i = 0; i < space.count; i++) {
        const from = i * features;
        const scale = inverseMean(direction.subarray(from, from + features));
        for (let j = from; j < from + features; j++) {
          direction[j] = velocity[j] = decay * velocity[j]! + scale * direction[j]!;
        }
      }
    };
    if (lookAhead === undefined) return { direct };
    const reach = decay * lookAhead * session.threat.epsilon;
    return {
      direct,
      evaluate: (next) => (batch) =>
        next({ ...batch, inputs: batch.inputs.map((x, j) => x + reach * velocity[j]!) }),
    };
  };
}

function inverseMean(row: Float32Array): number {
  let sum = 0;
  for (const value of row) sum += Math.abs(value);
  return sum === 0 ? 0 : row.length / sum;
}
