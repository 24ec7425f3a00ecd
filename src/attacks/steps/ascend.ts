import type { Step } from '../loop/parts.ts';
import { projectRows, type LoopState } from '../loop/state.ts';

/** Steepest ascent:  x ← P(x + size·direction), the direction normalised to length 1 in the norm. */
export function ascend(state: LoopState): Step {
  const { session, space, x, direction } = state;
  return (sizes) => {
    session.ball.normalise(direction, space.count);
    moveAlong(x, { from: x, direction, sizes, count: space.count, features: session.features });
    projectRows(state, x);
  };
}

interface Move {
  readonly from: Float32Array;
  readonly direction: Float32Array;
  readonly sizes: Float64Array;
  readonly count: number;
  readonly features: number;
}

/** to ← from + size·direction, row by row; `to` may be `from`. */
export function moveAlong(to: Float32Array, { from, direction, sizes, count, features }: Move): void {
  for (let i = 0; i < count; i++) {
    const size = sizes[i]!;
    for (let j = i * features; j < (i + 1) * features; j++) to[j] = from[j]! + size * direction[j]!;
  }
}
