import type { LoopState } from '../loop/state.ts';

/** The points with the largest losses so far, with the gradients found there. Arrays follow the rows of the space. */
export interface BestPoints {
  readonly x: Float32Array;
  readonly losses: Float32Array;
  /** Takes over the rows that are better now; all of them at the first call. */
  update(): void;
  /** Moves a row back to its best point. */
  restore(row: number): void;
}

export function trackBest({ space, session, x, gradient, losses }: LoopState): BestPoints {
  const { features } = session;
  const best = { x: space.floats(features), gradient: space.floats(features), losses: space.floats(1) };
  let isFirst = true;
  const copy = (from: Float32Array, to: Float32Array, row: number): void =>
    to.set(from.subarray(row * features, (row + 1) * features), row * features);
  return {
    x: best.x,
    losses: best.losses,
    update() {
      for (let i = 0; i < space.count; i++) {
        if (!isFirst && !(losses[i]! > best.losses[i]!)) continue;
        best.losses[i] = losses[i]!;
        copy(x, best.x, i);
        copy(gradient, best.gradient, i);
      }
      isFirst = false;
    },
    restore(row) {
      copy(best.x, x, row);
      copy(best.gradient, gradient, row);
    },
  };
}
