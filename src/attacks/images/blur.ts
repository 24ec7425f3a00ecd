import type { Image } from './sample.ts';

/** Weights of a filter by offset in rows and columns; they sum to 1. */
export type Kernel = readonly { readonly y: number; readonly x: number; readonly weight: number }[];

/** Each value becomes Σ weight·(value at the offset); outside the image its edge goes on, offsets may be fractions. */
export function filterWith({ values, shape }: Image, kernel: Kernel): Float32Array {
  const { height, width, channels } = shape;
  const sums = new Float64Array(values.length);
  for (const { y, x, weight } of tapsOf(kernel)) {
    for (let row = 0; row < height; row++) {
      const from = clamp(row + y, height) * width;
      for (let column = 0; column < width; column++) {
        const source = (from + clamp(column + x, width)) * channels;
        const target = (row * width + column) * channels;
        for (let c = 0; c < channels; c++) sums[target + c]! += weight * values[source + c]!;
      }
    }
  }
  return Float32Array.from(sums);
}

/** The same filter with whole offsets: bilinear interpolation spreads a fraction over its four neighbours. */
function tapsOf(kernel: Kernel): Kernel {
  const taps = new Map<string, { y: number; x: number; weight: number }>();
  for (const { y, x, weight } of kernel) {
    const [top, left] = [Math.floor(y), Math.floor(x)];
    for (const [down, right] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const share = (1 - Math.abs(y - top - down)) * (1 - Math.abs(x - left - right));
      if (share === 0) continue;
      const key = `${top + down},${left + right}`;
      const tap = taps.get(key) ?? { y: top + down, x: left + right, weight: 0 };
      taps.set(key, { ...tap, weight: tap.weight + share * weight });
    }
  }
  return [...taps.values()];
}

function clamp(index: number, count: number): number {
  return index < 0 ? 0 : index >= count ? count - 1 : index;
}

/** Gaussian blur, one axis after the other; weights exp(−d²/2σ²) up to 4σ. @param sigma in pixels, > 0 */
export function gaussianBlur(image: Image, sigma: number): Float32Array {
  const radius = Math.floor(4 * sigma + 0.5);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  const along = (axis: 'y' | 'x'): Kernel =>
    weights.map((weight, i) => ({ y: 0, x: 0, [axis]: i - radius, weight: weight / total }));
  const rows = filterWith(image, along('y'));
  return filterWith({ ...image, values: rows }, along('x'));
}

/** A lens out of focus: the mean over a disk whose rim fades over one pixel. @param radius in pixels, > 0 */
export function diskKernel(radius: number): Kernel {
  const reach = Math.ceil(radius + 0.5);
  const side = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const all = side.flatMap((y) =>
    side.map((x) => ({ y, x, weight: Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(y, x))) })),
  );
  return normalised(all);
}

/** A camera that moves along a line: the mean over points of the line, half a pixel apart or less. @param length in pixels, > 0 */
export function lineKernel(length: number, degrees: number): Kernel {
  const steps = 2 * Math.ceil(length);
  const angle = (degrees * Math.PI) / 180;
  return normalised(
    Array.from({ length: steps + 1 }, (_, i) => {
      const t = length * (i / steps - 0.5);
      return { y: t * Math.sin(angle), x: t * Math.cos(angle), weight: 1 };
    }),
  );
}

function normalised(kernel: Kernel): Kernel {
  const total = kernel.reduce((sum, { weight }) => sum + weight, 0);
  return kernel
    .filter(({ weight }) => weight > 0)
    .map((entry) => ({ ...entry, weight: entry.weight / total }));
}
