import type { ImageShape } from '../square/windows.ts';

/** Where the shrunk image lies, in pixels of the whole. */
export interface Placement {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Shrinks an image bilinearly and puts it on an even ground: an affine map of the image, and its transpose. */
export interface Resize {
  /** Writes the placed image. `into` must not be `image`. */
  apply(image: Float32Array, options: { readonly into: Float32Array; readonly ground: number }): void;
  /** Turns the gradient with respect to the placed image into that with respect to the image: the transpose, exactly. */
  pullBack(gradient: Float32Array, into: Float32Array): void;
}

/**
 * Pixel i of a side of n, shrunk from N, is taken at s = max((i + ½)·N/n − ½, 0) of the original, between its two
 * neighbours: bilinear interpolation with half-pixel centres and no smoothing, as deep-learning libraries have it.
 */
export function createResize(image: ImageShape, placed: Placement): Resize {
  const links = linksOf(image, placed);
  const { channels } = image;
  return {
    apply(values, { into, ground }) {
      into.fill(ground);
      forEachTarget(image, placed, (target) => into.fill(0, target, target + channels));
      for (const { target, source, weight } of links)
        for (let c = 0; c < channels; c++) into[target + c]! += weight * values[source + c]!;
    },
    pullBack(gradient, into) {
      into.fill(0);
      for (const { target, source, weight } of links)
        for (let c = 0; c < channels; c++) into[source + c]! += weight * gradient[target + c]!;
    },
  };
}

interface Link {
  /** Positions of the first channel in the placed and in the original image. */
  readonly target: number;
  readonly source: number;
  readonly weight: number;
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** At most four for each pixel of the placed image; those of weight 0 are left out. */
function linksOf(image: ImageShape, placed: Placement): Link[] {
  const rows = tapsOf(placed.height, image.height);
  const columns = tapsOf(placed.width, image.width);
  const links: Link[] = [];
  forEachTarget(image, placed, (target, y, x) => {
    for (const row of rows[y]!)
      for (const column of columns[x]!)
        links.push({
          target,
          source: (row.at * image.width + column.at) * image.channels,
          weight: row.weight * column.weight,
        });
  });
  return links;
}

function tapsOf(size: number, from: number): Tap[][] {
  return Array.from({ length: size }, (_, i) => {
    const position = Math.max(((i + 0.5) * from) / size - 0.5, 0);
    const first = Math.floor(position);
    const share = position - first;
    const taps = [
      { at: first, weight: 1 - share },
      { at: Math.min(first + 1, from - 1), weight: share },
    ];
    return taps.filter(({ weight }) => weight > 0);
  });
}

function forEachTarget(
  { width, channels }: ImageShape,
  placed: Placement,
  visit: (target: number, y: number, x: number) => void,
): void {
  for (let y = 0; y < placed.height; y++)
    for (let x = 0; x < placed.width; x++)
      visit(((placed.top + y) * width + placed.left + x) * channels, y, x);
}
