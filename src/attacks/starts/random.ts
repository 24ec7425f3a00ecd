import type { Rng } from '../../domain/rng.ts';
import type { LoopState } from '../loop/state.ts';

/** Starts uniformly in the ball. */
export function uniformStart(state: LoopState): void {
  drawRows(state, (point, example, rng) => state.session.ball.drawInside(point, example, rng));
}

/** Starts on the surface of the ball, as APGD does. */
export function surfaceStart(state: LoopState): void {
  drawRows(state, (point, example, rng) => state.session.ball.drawSurface(point, example, rng));
}

function drawRows(
  { session, space, restart, x }: LoopState,
  draw: (point: Float32Array, example: number, rng: Rng) => void,
): void {
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const point = x.subarray(i * session.features, (i + 1) * session.features);
    draw(point, example, session.rng(example, restart, 'start'));
  }
}
