import type { Schedule } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { trackBest } from './best-points.ts';

/** Share of the steps between two checks, share moved at first, and how step and sparsity fall. */
const CHECK_SHARE = 0.04;
const FIRST_SHARE = 0.2;
const SPARSER = 1.5;
const LARGEST_CUT = 10;

/**
 * APGD's schedule in L1. The step begins at ε and moves a fifth of the features. Every 4 % of the steps it looks at how
 * many features the best point has changed, s: from then on a step moves s/1.5 of them. Where s has fallen below 95 % of
 * what it was at the check before, the step is ε again and the row goes back to its best point; elsewhere the step is
 * divided by 1.5, down to ε/10.
 *
 * @param continues whether the start is the best point of an earlier phase, whose changed features count as the check before
 * @see Croce & Hein (2021), ICML, arXiv 2103.01208, and its reference implementation
 */
export function adaptiveSparsity(continues: boolean): (state: LoopState, steps: number) => Schedule {
  return (state, steps) => {
    const { space, session } = state;
    const { features, threat } = session;
    const largest = threat.epsilon;
    const sizes = space.doubles(1).fill(largest);
    const moved = space.doubles(1).fill(features - Math.floor((1 - FIRST_SHARE) * features));
    const before = space.doubles(1).fill(features);
    const best = trackBest(state);
    const interval = Math.max(Math.floor(CHECK_SHARE * steps), 1);
    const check = (row: number): void => {
      const changed = changedFeatures(state, { points: best.x, row });
      const isSparser = changed / before[row]! < 0.95;
      sizes[row] = isSparser ? largest : Math.max(sizes[row]! / SPARSER, largest / LARGEST_CUT);
      moved[row] = movedFor(changed);
      before[row] = changed;
      if (isSparser) best.restore(row);
    };
    return {
      sizes,
      moved,
      best: best.x,
      observe(iteration) {
        best.update();
        for (let i = 0; i < space.count; i++) {
          if (iteration > 0 && iteration % interval === 0) check(i);
          if (iteration > 0 || !continues) continue;
          before[i] = changedFeatures(state, { points: state.x, row: i });
          moved[i] = movedFor(before[i]!);
        }
      },
    };
  };
}

function movedFor(changed: number): number {
  return Math.max(1, Math.ceil(changed / SPARSER));
}

function changedFeatures(
  { session, space }: LoopState,
  { points, row }: { points: Float32Array; row: number },
): number {
  const { originals, features } = session;
  const original = space.rows[row]! * features;
  let changed = 0;
  for (let j = 0; j < features; j++)
    changed += Number(points[row * features + j] !== originals[original + j]);
  return changed;
}
