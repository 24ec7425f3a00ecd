import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { createAdam } from './adam.ts';
import { askGradient, askScores, createSearch, dropRows, originalOf, rowOf, type Search } from './search.ts';

export interface CarliniWagnerParameters {
  readonly steps: number;
  /** Values of the constant that are tried. */
  readonly searches: number;
  readonly stepSize: number;
  readonly firstConstant: number;
  /** Margin by which another class must win. */
  readonly confidence: number;
  /** Whether a descent ends when its objective has not fallen over a tenth of the steps. */
  readonly abortEarly: boolean;
}

/** Originals are drawn in by this much before atanh, which is infinite at the ends of the range. */
const INSIDE = 0.999999;

/** A descent ends where its objective is above this share of what it was a tenth of the steps ago. */
const STALLED = 0.9999;

/** Constants that two neighbouring searches try differ by this factor until one succeeds. */
const GROWTH = 10;

/**
 * Carlini and Wagner's attack in L2:  min ‖x − x₀‖² + c·max(z_y − max_{i≠y} z_i + κ, 0),  x = mid + half·tanh(p), so that
 * every p is inside the range; Adam on p, from x₀. The constant c grows tenfold until the descent finds an adversarial,
 * then the smallest that does is searched for by halving, per example.
 *
 * @see Carlini & Wagner (2017), IEEE S&P, arXiv 1608.04644
 */
export async function runCarliniWagner(
  session: AttackSession,
  parameters: CarliniWagnerParameters,
): Promise<void> {
  const count = session.labels.length;
  const constants = new Float64Array(count).fill(parameters.firstConstant);
  const lower = new Float64Array(count);
  const upper = new Float64Array(count).fill(Infinity);
  for (let round = 0; round < parameters.searches; round++) {
    const examples = session.liveRows();
    if (examples.length === 0) return;
    const succeeded = await runDescent(createSearch(session, round), parameters, constants);
    for (const example of examples) {
      const bounds = succeeded.has(example) ? upper : lower;
      bounds[example] = constants[example]!;
      constants[example] =
        upper[example] === Infinity ? constants[example]! * GROWTH : (lower[example]! + upper[example]!) / 2;
    }
  }
}

/** min(L − κ, 0), L the margin of the criterion: goes up towards a win by κ, and is 0 from there on. */
export function hinge(session: AttackSession, confidence: number): ScoreLoss {
  const margin = namedLoss('margin', session);
  const { classes } = session.target;
  return (scores, batch) => {
    const { values, derivative } = margin(scores, batch);
    for (let i = 0; i < batch.count; i++) {
      if (values[i]! >= confidence) derivative.fill(0, i * classes, (i + 1) * classes);
      values[i] = Math.min(values[i]! - confidence, 0);
    }
    return { values, derivative };
  };
}

/** One descent of every row. @returns the examples of which an adversarial was seen */
async function runDescent(
  search: Search,
  parameters: CarliniWagnerParameters,
  constants: Float64Array,
): Promise<Set<number>> {
  const { steps, confidence, stepSize, abortEarly } = parameters;
  const { session, space, fooled, losses } = search;
  const { features } = session;
  const loss = hinge(session, confidence);
  const succeeded = new Set<number>();
  const noteSuccesses = (): void => {
    for (let i = 0; i < space.count; i++)
      if (fooled[i] === 1 && losses[i] === 0) succeeded.add(space.rows[i]!);
  };
  const tanh = createTanhSpace(search);
  const adam = createAdam(space, { width: features, stepSize });
  const previous = space.doubles(1).fill(Infinity);
  for (let step = 0; step < steps && space.count > 0; step++) {
    tanh.write();
    await askGradient(search, loss);
    noteSuccesses();
    const objectives = tanh.differentiate(constants);
    adam(tanh.points, tanh.gradients, step);
    if (!abortEarly || step % Math.ceil(steps / 10) !== 0) continue;
    const stalled = objectives.map((value, i) => Number(value > STALLED * previous[i]!));
    previous.set(objectives);
    dropRows(search, (row) => stalled[row] === 1);
  }
  if (space.count > 0) {
    tanh.write();
    await askScores(search, loss);
    noteSuccesses();
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
