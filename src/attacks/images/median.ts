import type { Image } from './sample.ts';

/**
 * Median smoothing: each value becomes the median of a square window around it, channel by channel; the edge goes on
 * outside the image.
 * @param size side of the window in pixels, odd
 */
export function medianSmooth(
  { values, shape: { height, width, channels } }: Image,
  size: number,
): Float32Array {
  const reach = (size - 1) / 2;
  const window = new Float32Array(size * size);
  const result = new Float32Array(values.length);
  const clamp = (position: number, side: number): number => Math.min(Math.max(position, 0), side - 1);
  for (let i = 0; i < values.length; i++) {
    const pixel = Math.floor(i / channels);
    const row = Math.floor(pixel / width);
    const column = pixel % width;
    let count = 0;
    for (let y = row - reach; y <= row + reach; y++)
      for (let x = column - reach; x <= column + reach; x++)
        window[count++] = values[(clamp(y, height) * width + clamp(x, width)) * channels + (i % channels)]!;
    window.sort();
    result[i] = window[(count - 1) / 2]!;
  }
  return result;
}
