import type { Rng } from '../../domain/rng.ts';

/** An example seen as an image, channels last. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** [h, w, c] as it is; [h, w] with one channel; anything else as one row of features. */
export function imageShape(inputShape: readonly number[]): ImageShape {
  const [height = 1, width = 1, channels = 1] = inputShape;
  if (inputShape.length === 3 || inputShape.length === 2) return { height, width, channels };
  return { height: 1, width: inputShape.reduce((product, side) => product * side, 1), channels: 1 };
}

/** The share p of the image that a window covers is halved after these many proposals. */
const HALVED_AFTER = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/**
 * Share of the image that the window of proposal `index` (from 0) covers: p₀, halved after 10, 50, 200, … proposals.
 * @param total with it the schedule is first stretched to 10,000 proposals; AutoAttack does not stretch
 */
export function windowShare(index: number, first: number, total?: number): number {
  const position = total === undefined ? index : Math.floor((index / total) * 10_000);
  return first / 2 ** HALVED_AFTER.filter((after) => position > after).length;
}

/** Side of a square window that covers `share` of the image: round(√(share·h·w)), half to even, at least 1. */
export function windowSide(share: number, { height, width }: ImageShape): number {
  return Math.max(roundHalfEven(Math.sqrt(share * height * width)), 1);
}

export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A window anywhere in the image, cut to the image where the side is longer than the image. */
export function drawWindow(side: number, image: ImageShape, rng: Rng): Window {
  const height = Math.min(side, image.height);
  const width = Math.min(side, image.width);
  return {
    top: rng.below(image.height - height + 1),
    left: rng.below(image.width - width + 1),
    height,
    width,
  };
}

/** Copies a window from one matrix of images to the same place of another; the image begins at `start`. */
export function copyWindow(
  from: Float32Array,
  to: Float32Array,
  { window, image, start }: { readonly window: Window; readonly image: ImageShape; readonly start: number },
): void {
  const span = window.width * image.channels;
  for (let y = window.top; y < window.top + window.height; y++) {
    const at = start + (y * image.width + window.left) * image.channels;
    for (let k = at; k < at + span; k++) to[k] = from[k]!;
  }
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
