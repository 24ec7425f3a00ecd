import type { AttackSession } from '../attack.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { createBoundaries, findNearestBoundaries, marginsByRank } from './boundary.ts';
import { dualLengthIn } from './lengths.ts';
import { askScores, createSearch, dropRows, originalOf, rowOf, type Search } from './search.ts';

export interface DeepFoolParameters {
  readonly steps: number;
  /** Most likely other classes that are looked at. */
  readonly candidates: number;
  /** How much farther than the linearised boundary a path goes, as a share. */
  readonly overshoot: number;
}

/** Added to every step, as a share of the range's width, so that a point on the boundary itself moves on. */
const NUDGE = 1e-4;

/**
 * DeepFool: straight to the nearest linearised boundary, until the point is misread.
 *   δ ← clip(δ + (d + 1e-4)·u),  d = |z_t − z_y| / ‖w‖_dual,  u = w/‖w‖₂ (l2) or sign w (linf);   x = clip(x₀ + (1 + η)·δ)
 * δ is cut to the range at each step, so that it does not grow where it cannot go. A row without any gradient ends.
 *
 * @see Moosavi-Dezfooli et al. (2016), CVPR, arXiv 1511.04599
 */
export async function runDeepFool(
  session: AttackSession,
  { steps, candidates, overshoot }: DeepFoolParameters,
): Promise<void> {
  const search = createSearch(session);
  const { space } = search;
  const boundaries = createBoundaries(search);
  const { normals, distances } = boundaries;
  const [low, high] = session.threat.range;
  const path: Path = { total: space.floats(session.features), overshoot, nudge: NUDGE * (high - low) };
  const losses = marginsByRank(
    session,
    Array.from({ length: candidates }, (_, i) => i + 1),
  );
  const dropFooled = (): void => dropRows(search, (row) => search.fooled[row] === 1);
  for (let step = 0; step < steps && space.count > 0; step++) {
    await findNearestBoundaries(search, boundaries, { losses, afterAnswer: dropFooled });
    dropRows(search, (row) => distances[row] === Infinity);
    for (let i = 0; i < space.count; i++)
      advance(search, path, { row: i, normal: rowOf(search, normals, i), distance: distances[i]! });
  }
  if (space.count > 0) await askScores(search);
}

interface Path {
  /** δ, shape [count, features]. */
  readonly total: Float32Array;
  readonly overshoot: number;
  readonly nudge: number;
}

function advance(
  search: Search,
  { total, overshoot, nudge }: Path,
  { row, normal, distance }: { row: number; normal: Float32Array; distance: number },
): void {
  const { norm, range } = search.session.threat;
  const [low, high] = float32Range(range);
  const original = originalOf(search, row);
  const delta = rowOf(search, total, row);
  const point = rowOf(search, search.x, row);
  const size = distance + nudge;
  const length = norm === 'linf' ? 1 : dualLengthIn(norm, normal);
  for (let j = 0; j < point.length; j++) {
    const x = original[j]!;
    const unit = norm === 'linf' ? Math.sign(normal[j]!) : normal[j]! / length;
    delta[j] = Math.min(Math.max(delta[j]! + size * unit, low - x), high - x);
    point[j] = x + (1 + overshoot) * delta[j]!;
  }
  clampToRange(point, [low, high]);
}
