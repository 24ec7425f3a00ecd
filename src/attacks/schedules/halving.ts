import type { Schedule } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { trackBest } from './best-points.ts';
import { checkpoints } from './checkpoints.ts';

export interface HalvingOptions {
  /** First step size as a multiple of ε. */
  readonly relativeSize: number;
  /** A row gets on if its loss rose in more than this share of the steps since the last checkpoint. */
  readonly rho: number;
}

/**
 * APGD's step sizes. At a checkpoint a row's step is halved, and it goes back to its best point (with the gradient found
 * there), when in the last k steps its loss rose at most rho·k times, or when its step was left alone at the last
 * checkpoint and its best loss has not grown since. The second rule is off at the first checkpoint.
 *
 * Quirk of the reference, kept so that verdicts agree: the first step counts as a rise when its loss is above 0,
 * whatever the start's loss was (the reference compares it with the still empty end of its list).
 *
 * @see Croce & Hein (2020), ICML, arXiv 2003.01690, and its reference implementation
 */
export function halving({
  relativeSize,
  rho,
}: HalvingOptions): (state: LoopState, steps: number) => Schedule {
  return (state, steps) => {
    const { space, session } = state;
    const sizes = space.doubles(1).fill(relativeSize * session.threat.epsilon);
    const best = trackBest(state);
    const isStuck = trackProgress(state, best.losses);
    const stops = checkpoints(steps);
    return {
      sizes,
      observe(iteration) {
        best.update();
        if (iteration === 0) return;
        const stop = stops.indexOf(iteration);
        const interval = stop < 0 ? 0 : iteration - (stops[stop - 1] ?? 0);
        for (let i = 0; i < space.count; i++) {
          if (!isStuck(i, { interval, rho })) continue;
          sizes[i]! /= 2;
          best.restore(i);
        }
      },
    };
  };
}

/** Counts rises; with an interval above 0 it also judges, and begins the next interval. Call once per row and step. */
function trackProgress(
  { space, losses }: LoopState,
  bestLosses: Float32Array,
): (row: number, check: { interval: number; rho: number }) => boolean {
  const before = space.floats(1);
  const rises = space.doubles(1);
  const leftAlone = space.doubles(1);
  const bestAtCheck = space.doubles(1);
  return (i, { interval, rho }) => {
    if (losses[i]! > before[i]!) rises[i]!++;
    before[i] = losses[i]!;
    if (interval === 0) return false;
    const isIdle = leftAlone[i] === 1 && bestAtCheck[i]! >= bestLosses[i]!;
    const isStuck = rises[i]! <= rho * interval || isIdle;
    leftAlone[i] = isStuck ? 0 : 1;
    bestAtCheck[i] = bestLosses[i]!;
    rises[i] = 0;
    return isStuck;
  };
}
