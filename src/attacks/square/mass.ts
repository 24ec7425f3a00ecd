import type { ImageShape, Window } from './windows.ts';

/** Where mass goes from and to, in one image. */
export interface MassMove {
  readonly image: ImageShape;
  /** Window that gets the mass, and window that gives all of its own. They may overlap. */
  readonly to: Window;
  readonly from: Window;
  /** What the first window gets, of length 1, shape [to.height, to.width]; with a sign, −1 or 1, per channel. */
  readonly shape: Float64Array;
  readonly signs: Int8Array;
  /** Square of the length that the perturbation is to have. */
  readonly most: number;
  /** Square of the length that it has. */
  readonly squares: number;
  readonly range: readonly [number, number];
}

/**
 * Moves mass of the perturbation δ = point − original, in place. Per channel, with δ_T the part in the window that gets it
 * and u the shape:
 *   ν = ±u + δ_T / ‖δ_T‖,   δ_T ← ν / ‖ν‖ · √(max(ε² − ‖δ‖², 0) / channels + ‖δ_(T ∪ F)‖²),   rest of δ_F ← 0,
 * and what leaves the range is cut. Before the cut ‖δ‖ is ε, so that scaling the whole to ε, as the reference does, changes
 * nothing: only the two windows are touched. O(pixels of the windows).
 *
 * @param point shape [features], as is `original`
 * @returns ‖δ‖² afterwards, from the values as rounded to float32
 */
export function moveMass(point: Float32Array, original: Float32Array, move: MassMove): number {
  const { image, to, from, shape, signs, most } = move;
  const room = Math.max(most - move.squares, 0) / image.channels;
  let { squares } = move;
  for (let channel = 0; channel < image.channels; channel++) {
    const plane: Plane = { point, original, stride: image.channels, width: image.width, channel };
    const own = squaresIn(plane, to);
    const mass = own + clear(plane, from, to);
    const kept = 1 / (TINY + Math.sqrt(own));
    const sign = signs[channel]!;
    const length = Math.sqrt(squaresOfMix(plane, to, { kept, sign, shape }));
    const scale = Math.sqrt(room + mass) / (TINY + length);
    const mixed = { kept: scale * kept, sign: scale * sign, shape };
    squares += mix(plane, to, { ...mixed, range: move.range }) - mass;
  }
  return squares;
}

const TINY = 1e-12;

/** One channel of a point and of its original. */
interface Plane {
  readonly point: Float32Array;
  readonly original: Float32Array;
  readonly stride: number;
  readonly width: number;
  readonly channel: number;
}

function squaresIn({ point, original, stride, width, channel }: Plane, window: Window): number {
  let squares = 0;
  for (let y = window.top; y < window.top + window.height; y++) {
    let at = (y * width + window.left) * stride + channel;
    for (let x = 0; x < window.width; x++, at += stride) {
      const delta = point[at]! - original[at]!;
      squares += delta * delta;
    }
  }
  return squares;
}

/** δ ← 0 in a window, but for what lies in another. Returns the sum of the squares that went. */
function clear({ point, original, stride, width, channel }: Plane, window: Window, except: Window): number {
  let squares = 0;
  for (let y = window.top; y < window.top + window.height; y++) {
    const isLineExcepted = y >= except.top && y < except.top + except.height;
    for (let x = window.left; x < window.left + window.width; x++) {
      if (isLineExcepted && x >= except.left && x < except.left + except.width) continue;
      const at = (y * width + x) * stride + channel;
      const delta = point[at]! - original[at]!;
      squares += delta * delta;
      point[at] = original[at]!;
    }
  }
  return squares;
}

interface Mix {
  readonly kept: number;
  readonly sign: number;
  readonly shape: Float64Array;
}

/** Σ (kept · δ + sign · shape)² over a window. */
function squaresOfMix(
  { point, original, stride, width, channel }: Plane,
  window: Window,
  { kept, sign, shape }: Mix,
): number {
  let squares = 0;
  let k = 0;
  for (let y = window.top; y < window.top + window.height; y++) {
    let at = (y * width + window.left) * stride + channel;
    for (let x = 0; x < window.width; x++, k++, at += stride) {
      const delta = kept * (point[at]! - original[at]!) + sign * shape[k]!;
      squares += delta * delta;
    }
  }
  return squares;
}

/** δ ← kept · δ + sign · shape over a window, cut to the range. Returns the sum of the new squares. */
function mix(
  { point, original, stride, width, channel }: Plane,
  window: Window,
  { kept, sign, shape, range }: Mix & { readonly range: readonly [number, number] },
): number {
  const [low, high] = range;
  let squares = 0;
  let k = 0;
  for (let y = window.top; y < window.top + window.height; y++) {
    let at = (y * width + window.left) * stride + channel;
    for (let x = 0; x < window.width; x++, k++, at += stride) {
      const before = original[at]!;
      const moved = before + kept * (point[at]! - before) + sign * shape[k]!;
      const inside = Math.fround(moved < low ? low : moved > high ? high : moved);
      point[at] = inside;
      squares += (inside - before) * (inside - before);
    }
  }
  return squares;
}
