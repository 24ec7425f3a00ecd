import { hasGradient, type Batch, type GradientTarget, type ScoreTarget } from '../../domain/target.ts';
import type { MakeFeasible } from './threat-ball.ts';
import type { Box } from './box.ts';

export interface ConstrainedOptions {
  readonly makeFeasible: MakeFeasible;
  readonly features: number;
  /** Where lower and upper are equal a feature cannot move, and its gradient is given as 0. */
  readonly box: Box;
}

/**
 * A target that is only ever asked about feasible points, whatever an attack proposes. Gradients found there are handed
 * back as if they had been taken at the proposal (straight through), so that attacks climb on the relaxed problem, in
 * which small steps towards the next whole number or category add up.
 */
export function constrainedTarget(
  target: ScoreTarget | GradientTarget,
  { makeFeasible, features, box }: ConstrainedOptions,
): ScoreTarget | GradientTarget {
  const feasible = (batch: Batch): Batch => {
    const inputs = batch.inputs.slice(0, batch.count * features);
    makeFeasible({ values: inputs, rows: batch.rows, count: batch.count });
    return { ...batch, inputs };
  };
  const scores: ScoreTarget['scores'] = (batch) => target.scores(feasible(batch));
  const { inputShape, classes } = target;
  if (!hasGradient(target)) return { inputShape, classes, scores };
  return {
    inputShape,
    classes,
    scores,
    async gradient(batch, loss) {
      const answer = await target.gradient(feasible(batch), loss);
      const gradient = answer.gradient.slice();
      for (let i = 0; i < batch.count; i++) {
        const from = batch.rows[i]! * features;
        for (let j = 0; j < features; j++)
          if (box.lower[from + j] === box.upper[from + j]) gradient[i * features + j] = 0;
      }
      return { ...answer, gradient };
    },
  };
}
