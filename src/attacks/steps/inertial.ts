import type { Schedule, Step } from '../loop/parts.ts';
import { projectRows, type LoopState } from '../loop/state.ts';
import { climb } from './ascend.ts';

/**
 * APGD's step with inertia:  z = P(x + size·direction),  x' = P(x + a·(z − x) + (1 − a)·(x − x_before)).
 * a is `trust`, and 1 at the first step. After a return to the best point, x_before stays what it was.
 */
export function inertial(trust: number): (state: LoopState, schedule: Pick<Schedule, 'sizes'>) => Step {
  return (state, { sizes }) => {
    const { session, space, x } = state;
    const { features } = session;
    const before = space.floats(features);
    const proposal = space.floats(features);
    return (iteration) => {
      const { count } = space;
      const a = iteration === 0 ? 1 : trust;
      proposal.set(x.subarray(0, count * features));
      climb(state, proposal, sizes);
      for (let j = 0; j < count * features; j++) {
        const here = x[j]!;
        const inertia = (1 - a) * (here - before[j]!);
        before[j] = here;
        x[j] = here + a * (proposal[j]! - here) + inertia;
      }
      projectRows(state, x);
    };
  };
}
