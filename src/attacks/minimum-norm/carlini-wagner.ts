import type { AttackSession } from '../attack.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { createAdam } from './adam.ts';
import {
  createStallWatch,
  hinge,
  noteSuccesses,
  searchConstants,
  type ConstantSearch,
  type DescentOptions,
} from './constant-search.ts';
import { askGradient, askScores, createSearch, originalOf, rowOf, type Search } from './search.ts';

export interface CarliniWagnerParameters extends ConstantSearch, DescentOptions {
  readonly stepSize: number;
}

/** Originals are drawn in by this much before atanh, which is infinite at the ends of the range. */
const INSIDE = 0.999999;

/**
 * Carlini and Wagner's attack in L2:  min ‖x − x₀‖² + c·max(z_y − max_{i≠y} z_i + κ, 0),  x = mid + half·tanh(p), so that
 * every p is inside the range; Adam on p, from x₀, with the best constant c for each example.
 *
 * @see Carlini & Wagner (2017), IEEE S&P, arXiv 1608.04644
 */
export async function runCarliniWagner(
  session: AttackSession,
  parameters: CarliniWagnerParameters,
): Promise<void> {
  await searchConstants(session, parameters, (round, constants) =>
    runDescent(createSearch(session, round), parameters, constants),
  );
}

/** One descent of every row. @returns the examples of which an adversarial was seen */
async function runDescent(
  search: Search,
  parameters: CarliniWagnerParameters,
  constants: Float64Array,
): Promise<Set<number>> {
  const { steps, confidence, stepSize } = parameters;
  const { session, space } = search;
  const loss = hinge(session, confidence);
  const succeeded = new Set<number>();
  const tanh = createTanhSpace(search);
  const adam = createAdam(space, { width: session.features, stepSize });
  const dropStalled = createStallWatch(search, parameters);
  for (let step = 0; step < steps && space.count > 0; step++) {
    tanh.write();
    await askGradient(search, loss);
    noteSuccesses(search, succeeded);
    const objectives = tanh.differentiate(constants);
    adam(tanh.points, tanh.gradients, step);
    dropStalled(step, objectives);
  }
  if (space.count > 0) {
    tanh.write();
    await askScores(search, loss);
    noteSuccesses(search, succeeded);
  }
  return succeeded;
}

interface TanhSpace {
  /** p, shape [count, features]. */
  readonly points: Float64Array;
  /** ∂ objective / ∂ p. */
  readonly gradients: Float64Array;
  /** Writes the iterates that the points stand for. */
  readonly write: () => void;
  /** Fills the gradients from those of the loss. @returns the objective of each row */
  readonly differentiate: (constants: Float64Array) => Float64Array;
}

function createTanhSpace(search: Search): TanhSpace {
  const { session, space, x, gradient, losses } = search;
  const { features, threat } = session;
  const [low, high] = threat.range;
  const range = float32Range(threat.range);
  const half = (high - low) / 2;
  const middle = low + half;
  const points = space.doubles(features);
  const levels = space.doubles(features);
  const gradients = space.doubles(features);
  for (let i = 0; i < space.count; i++)
    rowOf(search, points, i).set(
      Float64Array.from(originalOf(search, i), (value) => Math.atanh((INSIDE * (value - middle)) / half)),
    );
  return {
    points,
    gradients,
    write() {
      for (let k = 0; k < space.count * features; k++) {
        levels[k] = Math.tanh(points[k]!);
        x[k] = middle + half * levels[k]!;
      }
      clampToRange(x, range);
    },
    differentiate(constants) {
      return Float64Array.from({ length: space.count }, (_, i) => {
        const original = originalOf(search, i);
        const constant = constants[space.rows[i]!]!;
        let square = 0;
        for (let j = 0; j < features; j++) {
          const k = i * features + j;
          const delta = x[k]! - original[j]!;
          const slope = half * (1 - levels[k]! ** 2);
          square += delta * delta;
          gradients[k] = (2 * delta - constant * gradient[k]!) * slope;
        }
        return square - constant * losses[i]!;
      });
    },
  };
}
