import type { Schedule, Step } from '../loop/parts.ts';
import { projectRows, type LoopState } from '../loop/state.ts';
import { float32Range } from '../norms/clamp.ts';
import { keepSigns } from '../norms/l1.ts';
import { moveAlong } from './ascend.ts';

export interface SparseOptions {
  /** Share of the features that a step moves; the schedule's own number of features goes first. */
  readonly share: number;
  /** Whether features that stand at the end of their range, with a gradient that points outside, are passed over. */
  readonly passOver: boolean;
}

/**
 * Ascent in L1:  x ← P(x + size·s/k), s the signs of the k components of the gradient with the largest sizes, 0 elsewhere.
 * The step has length `size` in L1.
 *
 * @see Tramèr & Boneh (2019), NeurIPS, arXiv 1904.13000 (a fixed share, passing over what is spent); Croce & Hein
 *   (2021), ICML, arXiv 2103.01208 (k by row, from the schedule)
 */
export function sparseAscend({
  share,
  passOver,
}: SparseOptions): (state: LoopState, schedule: Schedule) => Step {
  return (state, { sizes, moved }) => {
    const { session, space, x, direction } = state;
    const { features } = session;
    const scratch = new Float64Array(features);
    const usual = Math.max(1, Math.round(share * features));
    return () => {
      const { count } = space;
      if (passOver) zeroSpent(direction, x.subarray(0, count * features), session.threat.range);
      for (let i = 0; i < count; i++)
        keepSigns(direction.subarray(i * features, (i + 1) * features), moved?.[i] ?? usual, scratch);
      moveAlong(x, { from: x, direction, sizes, count, features });
      projectRows(state, x);
    };
  };
}

function zeroSpent(direction: Float32Array, points: Float32Array, range: readonly [number, number]): void {
  const [low, high] = float32Range(range);
  for (let j = 0; j < points.length; j++) {
    const x = points[j]!;
    if ((x <= low && direction[j]! < 0) || (x >= high && direction[j]! > 0)) direction[j] = 0;
  }
}
