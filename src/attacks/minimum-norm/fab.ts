import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { createBoundaries, findNearestBoundaries, marginsByRank, type Boundaries } from './boundary.ts';
import { createHyperplaneProjection, type HyperplaneNorm, type HyperplaneTask } from './hyperplane.ts';
import { lengthIn } from './lengths.ts';
import { ballOfRow, moveInside } from './radii.ts';
import { askScores, createSearch, dropRows, originalOf, rowOf, type Search } from './search.ts';

export interface FabParameters {
  readonly steps: number;
  readonly restarts: number;
  /** Most of a step that leads towards the original. */
  readonly largestBias: number;
  /** How far beyond the linearised boundary a step goes: 1 is onto it. */
  readonly extrapolation: number;
  /** What is left of a perturbation after an adversarial was found. */
  readonly backStep: number;
}

/** Shorter projections count as this long when the bias is taken, so that it is defined on the boundary itself. */
const SHORTEST = 1e-8;

/**
 * Fast adaptive boundary: at each step the iterate and the original are both projected onto the nearest linearised
 * boundary cut with the range, by δ and δ₀, and the next iterate lies between:
 *   x ← clip((1 − α)(x + η·δ) + α(x₀ + η·δ₀)),   α = min(‖δ‖ / (‖δ‖ + ‖δ₀‖), α_max)
 * Where it is misread the path goes back,  x ← x₀ + β(x − x₀),  and looks for a nearer point. A later restart begins at
 * random, half as far away as the nearest adversarial so far or epsilon, whichever is less.
 *
 * @param ranks the likeliest other classes (from 1) that each pass looks at together: one list of all for FAB, one list
 *   per class for FAB-T, which then costs one gradient per step
 * @see Croce & Hein (2020), ICML, arXiv 1907.02044
 */
export async function runFab(
  session: AttackSession,
  parameters: FabParameters,
  ranks: readonly (readonly number[])[],
): Promise<void> {
  for (const [pass, together] of ranks.entries()) {
    const losses = marginsByRank(session, together);
    if (losses.length === 0) continue;
    for (let restart = 0; restart < parameters.restarts; restart++) {
      const search = createSearch(session, pass * parameters.restarts + restart);
      if (search.space.count === 0) return;
      if (restart > 0) drawStart(search);
      await runPass(search, parameters, losses);
    }
  }
}

async function runPass(
  search: Search,
  parameters: FabParameters,
  losses: readonly ScoreLoss[],
): Promise<void> {
  const { space, fooled, x } = search;
  const boundaries = createBoundaries(search);
  const step = createStep(search, parameters);
  const stuck = space.floats(1);
  for (let count = 0; count < parameters.steps && space.count > 0; count++) {
    await findNearestBoundaries(search, boundaries, { losses });
    for (let i = 0; i < space.count; i++) stuck[i] = Number(!step(i, boundaries));
    dropRows(search, (row) => stuck[row] === 1);
    if (space.count === 0) return;
    await askScores(search);
    for (let i = 0; i < space.count; i++) {
      if (fooled[i] === 0) continue;
      const original = originalOf(search, i);
      const point = rowOf(search, x, i);
      for (let j = 0; j < point.length; j++)
        point[j] = original[j]! + parameters.backStep * (point[j]! - original[j]!);
    }
  }
}

/** A function that moves one row and says whether it moved: one that did not never will, since its gradients stay what they are. */
function createStep(
  search: Search,
  { largestBias, extrapolation }: FabParameters,
): (row: number, boundaries: Boundaries) => boolean {
  const { session, x } = search;
  const { features, threat } = session;
  const norm = threat.norm as HyperplaneNorm; // the attack's definition leaves l0 out
  const range = float32Range(threat.range);
  const project = createHyperplaneProjection(norm, { features, range });
  const fromPoint = new Float64Array(features);
  const fromOriginal = new Float64Array(features);
  const before = new Float32Array(features);
  return (row, { normals, values }) => {
    const normal = rowOf(search, normals, row);
    const point = rowOf(search, x, row);
    const original = originalOf(search, row);
    const rise = -values[row]!;
    before.set(point);
    project(fromPoint, { point, normal, rise });
    project(fromOriginal, { point: original, normal, rise: rise + riseBetween({ point, normal }, original) });
    const here = Math.max(lengthIn(norm, fromPoint), SHORTEST);
    const there = Math.max(lengthIn(norm, fromOriginal), SHORTEST);
    const bias = Math.min(here / (here + there), largestBias);
    for (let j = 0; j < features; j++)
      point[j] =
        (1 - bias) * (point[j]! + extrapolation * fromPoint[j]!) +
        bias * (original[j]! + extrapolation * fromOriginal[j]!);
    clampToRange(point, range);
    return point.some((value, j) => value !== before[j]);
  };
}

/** w·(x − x₀). */
function riseBetween({ point, normal }: Omit<HyperplaneTask, 'rise'>, original: Float32Array): number {
  let sum = 0;
  for (let j = 0; j < point.length; j++) sum += normal[j]! * (point[j]! - original[j]!);
  return sum;
}

function drawStart(search: Search): void {
  const { session, space, restart, x } = search;
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const radius = Math.min(session.nearest(example), session.threat.epsilon) / 2;
    const ball = ballOfRow(search, i, radius);
    ball.drawSurface(rowOf(search, x, i), 0, session.rng(example, restart, 'start'));
    moveInside(search, i, ball);
  }
}
