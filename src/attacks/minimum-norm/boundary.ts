import type { ScoreLoss } from '../../domain/target.ts';
import { targetedMargin } from '../losses/margin.ts';
import { aimsAway, namedLoss } from '../losses/named.ts';
import { targetCount, targetsByRank } from '../targets.ts';
import { dualLengthIn } from './lengths.ts';
import { askGradient, rowOf, type Search } from './search.ts';

/** For every row the linearised boundary that lies nearest. */
export interface Boundaries {
  /** ∇(z_t − z_y), shape [count, features]; 0 where no class had a gradient. */
  readonly normals: Float32Array;
  /** z_t − z_y, below 0 on the example's own side, shape [count]. */
  readonly values: Float64Array;
  /** |z_t − z_y| / dual(∇(z_t − z_y)), shape [count]; Infinity where no class had a gradient. */
  readonly distances: Float64Array;
}

export function createBoundaries({ session, space }: Search): Boundaries {
  return { normals: space.floats(session.features), values: space.doubles(1), distances: space.doubles(1) };
}

/**
 * The losses z_t − z_y whose zeros are boundaries, t the rank-th most likely other class of each example; ranks from 1,
 * those beyond the last class are left out. Under another criterion than plain misclassification there is one boundary,
 * where its margin is 0, and it stands at rank 1.
 */
export function marginsByRank(session: Search['session'], ranks: readonly number[]): ScoreLoss[] {
  const { target, labels, judge } = session;
  const { classes } = target;
  if (!aimsAway(judge)) return ranks.includes(1) ? [namedLoss('margin', session)] : [];
  const most = targetCount(session);
  return ranks
    .filter((rank) => rank <= most)
    .map((rank) => targetedMargin({ classes, labels, targets: targetsByRank(session, rank) }));
}

/**
 * Linearises the boundaries towards some classes at the iterates and keeps the nearest of each row. Each class costs a
 * gradient. `afterAnswer` runs after each answer and may drop rows.
 */
export async function findNearestBoundaries(
  search: Search,
  { normals, values, distances }: Boundaries,
  { losses, afterAnswer }: { losses: readonly ScoreLoss[]; afterAnswer?: () => void },
): Promise<void> {
  const { space, session } = search;
  normals.fill(0);
  distances.fill(Infinity);
  for (const loss of losses) {
    if (space.count === 0) return;
    await askGradient(search, loss);
    afterAnswer?.();
    for (let i = 0; i < space.count; i++) {
      const gradient = rowOf(search, search.gradient, i);
      const distance = Math.abs(search.losses[i]!) / dualLengthIn(session.threat.norm, gradient);
      if (!(distance < distances[i]!)) continue;
      distances[i] = distance;
      values[i] = search.losses[i]!;
      rowOf(search, normals, i).set(gradient);
    }
  }
}
