import type { RowSpace } from '../row-space.ts';

export interface AdamOptions {
  readonly width: number;
  readonly stepSize: number;
}

const DECAYS = [0.9, 0.999] as const;
const GUARD = 1e-8;

/**
 * Adam with moments of its own for every row, in double precision:
 *   m ← 0.9 m + 0.1 g,  v ← 0.999 v + 0.001 g²,  p ← p − size·m̂ / (√v̂ + 1e-8)
 * All rows of the space have made the same number of steps, from 0.
 *
 * @see Kingma & Ba (2015), ICLR, arXiv 1412.6980
 */
export function createAdam(
  space: RowSpace,
  { width, stepSize }: AdamOptions,
): (points: Float64Array, gradients: Float64Array, step: number) => void {
  const means = space.doubles(width);
  const squares = space.doubles(width);
  const [first, second] = DECAYS;
  return (points, gradients, step) => {
    const scale = stepSize / (1 - first ** (step + 1));
    const squareScale = 1 / (1 - second ** (step + 1));
    for (let k = 0; k < space.count * width; k++) {
      const g = gradients[k]!;
      means[k] = first * means[k]! + (1 - first) * g;
      squares[k] = second * squares[k]! + (1 - second) * g * g;
      points[k]! -= (scale * means[k]!) / (Math.sqrt(squares[k]! * squareScale) + GUARD);
    }
  };
}
