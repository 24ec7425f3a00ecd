import type { Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

/**
 * Momentum iterative method:  m ← decay·m + g / mean|g|, and the step follows m. A zero gradient adds nothing.
 * @see Dong et al. (2018), CVPR, arXiv 1710.06081
 */
export function momentum(decay: number): (state: LoopState) => Processing {
  return ({ space, session, direction }) => {
    const { features } = session;
    const velocity = space.floats(features);
    return {
      direct() {
        for (let i = 0; i < space.count; i++) {
          const from = i * features;
          const scale = inverseMean(direction.subarray(from, from + features));
          for (let j = from; j < from + features; j++) {
            direction[j] = velocity[j] = decay * velocity[j]! + scale * direction[j]!;
          }
        }
      },
    };
  };
}

function inverseMean(row: Float32Array): number {
  let sum = 0;
  for (const value of row) sum += Math.abs(value);
  return sum === 0 ? 0 : row.length / sum;
}
