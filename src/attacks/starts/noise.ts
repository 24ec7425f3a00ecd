import type { Start } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

/** Starts at the examples plus normal noise of a standard deviation in units of the input; the loop projects. */
export function normalStart(deviation: number): Start {
  return (state) => drawNoise(state, (row) => row.map((x) => deviation * x));
}

/** Starts `relativeLength`·ε away from the examples along normalised normal noise: in Linf at random corners of a smaller ball. */
export function noiseStart(relativeLength: number): Start {
  return (state) => {
    const { ball, threat } = state.session;
    drawNoise(state, (row) => {
      ball.normalise(row, 1);
      return row.map((x) => relativeLength * threat.epsilon * x);
    });
  };
}

function drawNoise(
  { session, space, restart, x }: LoopState,
  scale: (noise: Float32Array) => Float32Array,
): void {
  const { features, originals } = session;
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const rng = session.rng(example, restart, 'start');
    const moved = scale(Float32Array.from({ length: features }, () => rng.normal()));
    for (let j = 0; j < features; j++) x[i * features + j] = originals[example * features + j]! + moved[j]!;
  }
}
