import type { Schedule } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

export interface FallingOptions {
  /** First step size as a multiple of ε. */
  readonly relativeSize: number;
  readonly form: 'cosine' | 'linear';
}

/** The last step as a share of the first. */
const LAST = 0.01;

/**
 * Step sizes that fall from the first to a hundredth of it, along half a cosine or a straight line:
 *   size(t) = first·(0.01 + 0.99·f(t/n)),  f(u) = (1 + cos πu)/2 or 1 − u.
 */
export function falling({
  relativeSize,
  form,
}: FallingOptions): (state: LoopState, steps: number) => Schedule {
  return ({ space, session }, steps) => {
    const first = relativeSize * session.threat.epsilon;
    const sizes = space.doubles(1).fill(first);
    return {
      sizes,
      observe(iteration) {
        const u = Math.min(1, iteration / Math.max(1, steps));
        const share = form === 'cosine' ? (1 + Math.cos(Math.PI * u)) / 2 : 1 - u;
        sizes.fill(first * (LAST + (1 - LAST) * share));
      },
    };
  };
}
