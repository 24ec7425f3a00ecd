/**
 * The shape that the Square attack in L2 adds to a window: two pyramids side by side, one up and one down, of length 1 in
 * L2. Networks with convolutions answer strongly to such a pattern.
 *
 * @param height from 1
 * @param width from 1; where both are 1 the one value is 1
 * @param across whether the two pyramids lie left and right instead of above each other
 * @returns shape [height, width], row by row
 */
export function twinPyramids(height: number, width: number, across: boolean): Float64Array {
  // Along an axis of one pixel nothing can be split.
  if (height === 1 || (across && width > 1)) return transposed(stacked(width, height), [width, height]);
  return stacked(height, width);
}

/** The upper half, rounded down, up; the lower half down. */
function stacked(height: number, width: number): Float64Array {
  if (height === 1) return Float64Array.of(1);
  const split = Math.floor(height / 2);
  const values = new Float64Array(height * width);
  values.set(pyramidOf(split, width));
  values.set(
    pyramidOf(height - split, width).map((value) => -value),
    split * width,
  );
  return scaledToOne(values);
}

/**
 * Rectangles around the middle, each a pixel wider on every side than the one before: the k-th (from 1) adds 1/k². Length
 * 1 in L2.
 */
function pyramidOf(height: number, width: number): Float64Array {
  const values = new Float64Array(height * width);
  const middle = [Math.floor(height / 2), Math.floor(width / 2)] as const;
  for (let ring = 0; ring <= Math.max(...middle); ring++) {
    const [top, left] = [middle[0] - ring, middle[1] - ring];
    const size = 2 * ring + 1;
    for (let y = Math.max(top, 0); y < Math.min(top + size, height); y++)
      for (let x = Math.max(left, 0); x < Math.min(left + size, width); x++)
        values[y * width + x]! += 1 / (ring + 1) ** 2;
  }
  return scaledToOne(values);
}

function transposed(
  values: Float64Array,
  [height, width]: readonly [height: number, width: number],
): Float64Array {
  return values.map((_, at) => values[(at % height) * width + Math.floor(at / height)]!);
}

function scaledToOne(values: Float64Array): Float64Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map((value) => value / length);
}
