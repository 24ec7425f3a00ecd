import type { Schedule } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

/** The same step size throughout, as a multiple of ε. */
export function constant(relativeSize: number): (state: LoopState) => Schedule {
  return ({ space, session }) => ({
    sizes: space.doubles(1).fill(relativeSize * session.threat.epsilon),
    observe: () => undefined,
  });
}
