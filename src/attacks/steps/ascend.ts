import type { Schedule, Step } from '../loop/parts.ts';
import { projectRows, type LoopState } from '../loop/state.ts';

/** Steepest ascent:  x ← P(x + size·direction), the direction normalised to length 1 in the norm. */
export function ascend(state: LoopState, { sizes }: Pick<Schedule, 'sizes'>): Step {
  return () => climb(state, state.x, sizes);
}

/** Moves points, one per row, along the state's direction, which it may destroy:  points ← P(points + size·direction). */
export function climb(state: LoopState, points: Float32Array, sizes: Float64Array): void {
  const { session, space, direction } = state;
  const { ball, features } = session;
  const { count, rows } = space;
  if (ball.climb !== undefined) {
    ball.climb({ values: points, rows, count }, { directions: direction, sizes });
    return;
  }
  ball.normalise(direction, count);
  moveAlong(points, { from: points, direction, sizes, count, features });
  projectRows(state, points);
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
