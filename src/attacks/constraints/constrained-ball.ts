import type { Rules } from '../../domain/constraints.ts';
import { createMeasure } from '../../domain/distance.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { Ball, BallOptions, Points } from '../norms/ball.ts';
import { clampToBounds } from '../norms/clamp.ts';
import { createBall } from '../norms/create-ball.ts';
import { boxOf, type Box } from './box.ts';
import { createSettler } from './settle.ts';

/** A ball whose points also satisfy constraints. */
export interface ConstrainedBall extends Ball {
  /** Moves points to feasible ones: whole numbers whole, groups one-hot, and inside the ball and the box. */
  settle(points: Points): void;
}

export interface ConstrainedBallOptions extends BallOptions {
  readonly rules: Rules;
}

/** Wider than any perturbation, and finite, since balls clip by products with 0. */
const ANYWHERE = [-3e38, 3e38] as const;

/** How much less than ε is aimed at until the point rounded to float32 lies inside; then the original is taken. */
const SHRINK = [0, 1e-7, 1e-6, 1e-5, 1e-3, 1e-1, 1];

/**
 * A ball of radius ε in units of each feature's scale, d(x) = ‖(x − x₀) / scale‖, cut with the box that bounds, directions
 * and immutable features leave. `project` is for the relaxed problem, in which whole numbers and one-hot groups may take
 * any value in between, so that small steps add up; `settle` ends at a point that satisfies everything.
 *
 * Perturbations in units of the scale are what the plain ball of the norm projects, around 0: nothing is lost where values
 * are large and ε is small.
 */
export function createConstrainedBall(norm: Norm, options: ConstrainedBallOptions): ConstrainedBall {
  const { originals, features, epsilon, rules } = options;
  const box = boxOf(norm, options);
  const inner = createBall(norm, {
    originals: new Float32Array(features),
    features,
    epsilon,
    range: norm === 'l0' ? widestMoves(rules) : ANYWHERE,
  });
  const measure = createMeasure(norm, rules);
  const row = { values: new Float32Array(features), rows: Int32Array.of(0), count: 1 };
  const project = (points: Points): void => {
    clampToBox(points, { box, features });
    if (norm === 'linf') return;
    forEachRow(points, features, (point, example) => {
      const original = originals.subarray(example * features, (example + 1) * features);
      if (measure({ values: original, row: 0 }, { values: point, row: 0 }) <= epsilon) return;
      for (let j = 0; j < features; j++) row.values[j] = (point[j]! - original[j]!) / rules.scales[j]!;
      inner.project(row);
      place(point, { original, moves: row.values, options, measure });
    });
    clampToBox(points, { box, features });
  };
  const settleRow = createSettler(norm, { ...options, box });
  const draw =
    (by: 'drawInside' | 'drawSurface'): Ball['drawInside'] =>
    (point, example, rng) => {
      inner[by](point, 0, rng);
      for (let j = 0; j < features; j++)
        point[j] = originals[example * features + j]! + rules.scales[j]! * point[j]!;
    };
  return {
    norm,
    epsilon,
    ...(norm === 'linf' ? { bounds: box } : {}),
    project,
    settle(points) {
      project(points);
      forEachRow(points, features, settleRow);
    },
    normalise(gradients, count) {
      rescale(gradients, count, rules);
      inner.normalise(gradients, count);
      rescale(gradients, count, rules);
    },
    drawInside: draw('drawInside'),
    drawSurface: draw('drawSurface'),
  };
}

/** Puts every value into its box; rows name their examples. */
export function clampToBox(
  { values, rows, count }: Points,
  { box: { lower, upper }, features }: { readonly box: Box; readonly features: number },
): void {
  const bounds = { lower, upper, at: 0 };
  for (let i = 0; i < count; i++) {
    bounds.at = rows[i]! * features;
    clampToBounds({ values, from: i * features, count: features }, bounds);
  }
}

export function forEachRow(
  { values, rows, count }: Points,
  features: number,
  visit: (point: Float32Array, example: number) => void,
): void {
  for (let i = 0; i < count; i++) visit(values.subarray(i * features, (i + 1) * features), rows[i]!);
}

interface Placing {
  readonly original: Float32Array;
  /** In units of the scales. */
  readonly moves: Float32Array;
  readonly options: ConstrainedBallOptions;
  readonly measure: ReturnType<typeof createMeasure>;
}

/** point ← original + scale·moves, a little less where rounding would leave the ball. */
function place(point: Float32Array, { original, moves, options, measure }: Placing): void {
  const { epsilon, rules } = options;
  for (const shrink of SHRINK) {
    const kept = 1 - shrink;
    for (let j = 0; j < point.length; j++) {
      // Features that do not move keep their value to the last bit.
      const x = original[j]!;
      point[j] = moves[j] === 0 ? x : x + kept * rules.scales[j]! * moves[j]!;
    }
    if (measure({ values: original, row: 0 }, { values: point, row: 0 }) <= epsilon) return;
  }
}

/** How far any feature can go at all, for draws in L0. */
function widestMoves({ low, high, scales }: Rules): readonly [number, number] {
  const most = low.reduce((widest, least, j) => Math.max(widest, (high[j]! - least) / scales[j]!), 0);
  return [-most, most];
}

function rescale(gradients: Float32Array, count: number, { scales, features }: Rules): void {
  for (let i = 0; i < count; i++)
    for (let j = 0; j < features; j++) gradients[i * features + j]! *= scales[j]!;
}
