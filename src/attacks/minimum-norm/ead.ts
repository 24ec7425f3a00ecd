import type { AttackSession } from '../attack.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import {
  createStallWatch,
  hinge,
  noteSuccesses,
  searchConstants,
  type ConstantSearch,
  type DescentOptions,
} from './constant-search.ts';
import { askGradient, askScores, createSearch, originalOf, rowOf, type Search } from './search.ts';

export interface EadParameters extends ConstantSearch, DescentOptions {
  readonly stepSize: number;
  /** Moves smaller than this share of the range's width are undone at every step. */
  readonly sparsity: number;
}

/**
 * Elastic-net attack:  min ‖δ‖₂² + β‖δ‖₁ + c·max(κ − L, 0)  by iterative shrinkage with momentum (FISTA), with the best
 * constant c for each example. From a point y ahead of the iterate a gradient step of  α·√(1 − k/K),  then each move less
 * β, or undone where it is smaller:
 *   x ← S_β(y − α_k ∇),   y ← clip(x + k/(k + 3)·(x − x_before))
 * Gradients are taken at y and successes seen at both, so a step costs one gradient and two forward passes.
 *
 * @see Chen et al. (2018), AAAI, arXiv 1709.04114
 */
export async function runEad(session: AttackSession, parameters: EadParameters): Promise<void> {
  await searchConstants(session, parameters, (round, constants) =>
    runDescent(createSearch(session, round), parameters, constants),
  );
}

/** One descent of every row. @returns the examples of which an adversarial was seen */
async function runDescent(
  search: Search,
  parameters: EadParameters,
  constants: Float64Array,
): Promise<Set<number>> {
  const { space, session, x } = search;
  const loss = hinge(session, parameters.confidence);
  const succeeded = new Set<number>();
  const ahead = space.floats(session.features);
  const before = space.floats(session.features);
  ahead.set(x);
  before.set(x);
  const shrink = createShrinkage(search, parameters);
  const dropStalled = createStallWatch(search, parameters);
  for (let step = 0; step < parameters.steps && space.count > 0; step++) {
    x.set(ahead);
    await askGradient(search, loss);
    for (let i = 0; i < space.count; i++) shrink.step(i, { step, constant: constants[space.rows[i]!]! });
    if (space.count === 0) break;
    await askScores(search, loss);
    noteSuccesses(search, succeeded);
    lookAhead(search, { ahead, before, step });
    dropStalled(
      step,
      Float64Array.from({ length: space.count }, (_, i) => shrink.objective(i, constants[space.rows[i]!]!)),
    );
  }
  return succeeded;
}

/** y ← clip(x + k/(k + 3)·(x − x_before)), and x is the one before the next. */
function lookAhead(
  { space, session, x }: Search,
  { ahead, before, step }: { ahead: Float32Array; before: Float32Array; step: number },
): void {
  const momentum = step / (step + 3);
  for (let k = 0; k < space.count * session.features; k++) {
    ahead[k] = x[k]! + momentum * (x[k]! - before[k]!);
    before[k] = x[k]!;
  }
  clampToRange(ahead, float32Range(session.threat.range));
}

interface Shrinkage {
  /** Moves one row from the point where its gradient was taken. */
  readonly step: (row: number, at: { readonly step: number; readonly constant: number }) => void;
  /** ‖δ‖₂² + β‖δ‖₁ + c·max(κ − L, 0) at the iterate, whose losses were asked last. */
  readonly objective: (row: number, constant: number) => number;
}

function createShrinkage(search: Search, { steps, stepSize, sparsity }: EadParameters): Shrinkage {
  const { session, x, gradient, losses } = search;
  const [low, high] = session.threat.range;
  const range = float32Range(session.threat.range);
  const threshold = sparsity * (high - low);
  return {
    step(row, { step, constant }) {
      const point = rowOf(search, x, row);
      const slope = rowOf(search, gradient, row);
      const original = originalOf(search, row);
      const size = stepSize * Math.sqrt(1 - step / steps);
      for (let j = 0; j < point.length; j++) {
        const start = original[j]!;
        const move = point[j]! - start;
        const wish = move - size * (2 * move - constant * slope[j]!);
        point[j] = start + Math.sign(wish) * Math.max(Math.abs(wish) - threshold, 0);
      }
      clampToRange(point, range);
    },
    objective(row, constant) {
      const point = rowOf(search, x, row);
      const original = originalOf(search, row);
      let sum = -constant * losses[row]!;
      for (let j = 0; j < point.length; j++) {
        const move = Math.abs(point[j]! - original[j]!);
        sum += move * move + threshold * move;
      }
      return sum;
    },
  };
}
