import type { ImageShape } from '../square/windows.ts';

/** One image, channels last, row-major. */
export interface Image {
  readonly values: Float32Array;
  readonly shape: ImageShape;
}

/**
 * Values of all channels at a point between pixels, by bilinear interpolation:
 *   Σ over the four pixels around of (1 − |y − row|)·(1 − |x − column|)·value,  and `outside` for pixels that do not exist.
 * @param into its `at`-th value and those after get the result
 * @param point row y and column x; pixel centres have whole numbers
 */
export function sampleBilinear(
  { values, shape: { height, width, channels } }: Image,
  { y, x }: { readonly y: number; readonly x: number },
  { into, at, outside }: { readonly into: Float32Array; readonly at: number; readonly outside: number },
): void {
  const top = Math.floor(y);
  const left = Math.floor(x);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let row = top; row <= top + 1; row++) {
      for (let column = left; column <= left + 1; column++) {
        const share = (1 - Math.abs(y - row)) * (1 - Math.abs(x - column));
        if (share === 0) continue;
        const isInside = row >= 0 && row < height && column >= 0 && column < width;
        sum += share * (isInside ? values[(row * width + column) * channels + c]! : outside);
      }
    }
    into[at + c] = sum;
  }
}
