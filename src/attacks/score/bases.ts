import { permutation, type Rng } from '../../domain/rng.ts';
import type { ImageShape } from '../square/windows.ts';

/** An orthonormal basis of an image's space, in a random order. */
export interface Basis {
  readonly size: number;
  /** An order of all directions. */
  order(rng: Rng): ArrayLike<number>;
  /** point ← point + by · direction. */
  add(point: Float32Array, direction: number, by: number): void;
  /** Largest value of a direction. */
  peak(direction: number): number;
}

/** One value at a time, in an order drawn from all. */
export function pixelBasis({ height, width, channels }: ImageShape): Basis {
  const size = height * width * channels;
  return {
    size,
    order: (rng) => permutation(size, rng),
    add: (point, direction, by) => {
      point[direction]! += by;
    },
    peak: () => 1,
  };
}

/** How low frequencies come first: those below `first` in both axes in random order, then ring by ring of `stride`. */
export interface FrequencyOrder {
  readonly first: number;
  readonly stride: number;
}

/**
 * Waves of the discrete cosine transform (DCT-II, orthonormal), per channel:
 *   q_uv(y, x) = a_u a_v cos(π(2y + 1)u / 2h) cos(π(2x + 1)v / 2w),  a_0 = √(1/n), a_k = √(2/n).
 * Direction number (u·w + v)·channels + channel.
 */
export function cosineBasis(image: ImageShape, frequencies: FrequencyOrder): Basis {
  const { height, width, channels } = image;
  const down = waves(height);
  const across = waves(width);
  const place = (direction: number): readonly [u: number, v: number, channel: number] => {
    const pixel = Math.floor(direction / channels);
    return [Math.floor(pixel / width), pixel % width, direction % channels];
  };
  const size = height * width * channels;
  return {
    size,
    order: (rng) => ringOrder(image, frequencies, rng),
    add(point, direction, by) {
      const [u, v, channel] = place(direction);
      for (let y = 0; y < height; y++) {
        const line = by * down[u]![y]!;
        for (let x = 0; x < width; x++) point[(y * width + x) * channels + channel]! += line * across[v]![x]!;
      }
    },
    peak(direction) {
      const [u, v] = place(direction);
      const most = (wave: Float64Array): number => wave.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      return most(down[u]!) * most(across[v]!);
    },
  };
}

/** cos waves of length n: shape [n][n]. */
function waves(n: number): Float64Array[] {
  return Array.from({ length: n }, (_, k) =>
    Float64Array.from(
      { length: n },
      (_, i) => Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (2 * i + 1) * k) / (2 * n)),
    ),
  );
}

/** Rings of frequencies from low to high, each in random order. */
export function ringOrder(
  { height, width, channels }: ImageShape,
  { first, stride }: FrequencyOrder,
  rng: Rng,
): number[] {
  const rings: number[][] = [];
  for (let direction = 0; direction < height * width * channels; direction++) {
    const pixel = Math.floor(direction / channels);
    const frequency = Math.max(Math.floor(pixel / width), pixel % width);
    const ring = frequency < first ? 0 : 1 + Math.floor((frequency - first) / stride);
    (rings[ring] ??= []).push(direction);
  }
  return rings.flatMap((ring) => Array.from(permutation(ring.length, rng), (i) => ring[i]!));
}
