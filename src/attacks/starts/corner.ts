import type { Start } from '../loop/parts.ts';
import { batchOf, gradientTarget, projectRows } from '../loop/state.ts';
import { namedLoss } from '../losses/named.ts';
import { ascend } from '../steps/ascend.ts';
import { normalStart } from './noise.ts';

/**
 * Starts at the corner of the ball that the gradient of the margin points to, as FGSM would go; later restarts look from
 * just beside the example, and so at other corners. Costs a forward pass and a gradient.
 */
export function cornerStart(noise: number): Start {
  return async (state) => {
    const { session, space, restart } = state;
    await normalStart(restart === 0 ? noise / 10 : noise)(state);
    projectRows(state, state.x);
    const answer = await gradientTarget(session).gradient(
      batchOf(state, state.x),
      namedLoss('margin', session),
    );
    state.direction.set(answer.gradient.map((g) => (Number.isFinite(g) ? g : 0)));
    space.retain(session.isLive);
    ascend(state, { sizes: space.doubles(1).fill(session.threat.epsilon) })(0);
  };
}
