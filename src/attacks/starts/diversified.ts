import type { Start } from '../loop/parts.ts';
import { batchOf, gradientTarget, projectRows, type LoopState } from '../loop/state.ts';
import { projectedScores } from '../losses/projected.ts';
import { ascend } from '../steps/ascend.ts';
import { uniformStart } from './random.ts';

/**
 * Output-diversified start: from a uniform point, some steps of length ε up the scores along a direction w drawn
 * uniformly from [−1, 1]^classes. Starts then differ in what the model says, which uniform points of a ball rarely do.
 * Each step costs a forward pass and a gradient.
 *
 * @see Tashiro et al. (2020), NeurIPS, arXiv 2003.06878: two steps
 */
export function diversifiedStart(steps: number): Start {
  return async (state) => {
    uniformStart(state);
    projectRows(state, state.x);
    const { session, space } = state;
    const target = gradientTarget(session);
    const loss = projectedScores(drawWeights(state), target.classes);
    const climb = ascend(state, { sizes: space.doubles(1).fill(session.threat.epsilon) });
    for (let step = 0; step < steps && space.count > 0; step++) {
      const { gradient } = await target.gradient(batchOf(state, state.x), loss);
      state.direction.set(gradient.map((g) => (Number.isFinite(g) ? g : 0)));
      space.retain(session.isLive);
      climb(step);
    }
  };
}

/** By example, shape [examples, classes]. */
function drawWeights({ session, space, restart }: LoopState): Float32Array {
  const { classes } = session.target;
  const weights = new Float32Array(session.labels.length * classes);
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const rng = session.rng(example, restart, 'diversify');
    for (let k = 0; k < classes; k++) weights[example * classes + k] = 2 * rng.uniform() - 1;
  }
  return weights;
}
