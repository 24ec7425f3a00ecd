import { distanceBetween } from '../../domain/distance.ts';
import { float32Range } from '../norms/clamp.ts';
import { moveMass } from './mass.ts';
import { twinPyramids } from './pyramids.ts';
import { drawSigns, rngOf, type Moves, type SquareState } from './state.ts';
import { copyWindow, drawWindow, windowSide, type ImageShape, type Window } from './windows.ts';

/** Side of the windows in L2: that of the schedule, at least 3 and odd, so that a pyramid has a middle. */
export function l2WindowSide(share: number, image: ImageShape): number {
  const side = Math.max(windowSide(share, image), 3);
  return side % 2 === 0 ? side + 1 : side;
}

/** How much less than ε is aimed at, as a share: more than rounding to float32 usually adds. */
const AIMED_BELOW = 1e-7;
/** As a share of ε², more than rounding adds to sums of squares that are kept up to date over many changes. */
const SURELY_BELOW = 1e-10;

/**
 * Square attack in L2. Start: 5 by 5 tiles of twin pyramids with random signs, scaled to length ε and cut to the range.
 * Each change takes the mass out of one window and puts it into another, with what the ball has room for (`moveMass`).
 */
export function createL2Moves(state: SquareState): Moves {
  const { session, space, image, best, candidate } = state;
  const { features, originals, threat } = session;
  const { epsilon } = threat;
  const range = float32Range(threat.range);
  const most = (epsilon * (1 - AIMED_BELOW)) ** 2;
  /** ‖δ‖² of candidate and best. */
  const squares = space.doubles(2);
  const trials: (readonly Window[])[] = [];
  const signs = new Int8Array(image.channels);
  const shapeOf = createShapes();
  const whole: Window = { top: 0, left: 0, height: image.height, width: image.width };

  const settle = (row: number, windows: readonly Window[]): void => {
    const example = space.rows[row]!;
    trials[example] = windows;
    if (threat.constraints === undefined && squares[2 * row]! <= epsilon * epsilon * (1 - SURELY_BELOW))
      return;
    trials[example] = [whole];
    const values = candidate.subarray(row * features, (row + 1) * features);
    session.ball.project({ values, rows: Int32Array.of(example), count: 1 });
    const [a, b] = [
      { values: originals, row: example },
      { values, row: 0 },
    ];
    squares[2 * row] = distanceBetween('l2', a, b, features) ** 2;
  };
  const copy = (row: number, from: Float32Array, to: Float32Array): void => {
    for (const window of trials[space.rows[row]!]!)
      copyWindow(from, to, { window, image, start: row * features });
  };
  return {
    start(row) {
      const rng = rngOf(state, row);
      const original = originals.subarray(space.rows[row]! * features);
      const point = candidate.subarray(row * features, (row + 1) * features);
      const delta = tiledPyramids(image, (tile) => {
        const shape = shapeOf(tile, rng.uint32() < 2 ** 31);
        drawSigns(signs, image.channels, rng);
        return { shape, signs };
      });
      const scale = Math.sqrt(most) / Math.sqrt(delta.reduce((sum, value) => sum + value * value, 0));
      point.forEach((_, j) => {
        point[j] = Math.min(Math.max(original[j]! + scale * delta[j]!, range[0]), range[1]);
        squares[2 * row]! += (point[j] - original[j]!) ** 2;
      });
      settle(row, [whole]);
    },
    change(row, side) {
      const rng = rngOf(state, row);
      const to = drawWindow(side, image, rng);
      const from = drawWindow(side, image, rng);
      const shape = shapeOf(to, rng.uint32() < 2 ** 31);
      drawSigns(signs, image.channels, rng);
      const original = space.rows[row]! * features;
      squares[2 * row] = moveMass(
        candidate.subarray(row * features, (row + 1) * features),
        originals.subarray(original, original + features),
        { image, to, from, shape, signs, most, squares: squares[2 * row]!, range },
      );
      settle(row, [to, from]);
      return true;
    },
    keep(row) {
      copy(row, candidate, best);
      squares[2 * row + 1] = squares[2 * row]!;
    },
    discard(row) {
      copy(row, best, candidate);
      squares[2 * row] = squares[2 * row + 1]!;
    },
  };
}

interface SignedShape {
  readonly shape: Float64Array;
  readonly signs: Int8Array;
}

/** A shape in every tile, with a sign per channel; the rest is 0. Shape [height, width, channels]. */
export function tiledPyramids(image: ImageShape, shapeOf: (tile: Window) => SignedShape): Float64Array {
  const { height, width, channels } = image;
  const delta = new Float64Array(height * width * channels);
  for (const tile of tilesOf(image)) {
    const { shape, signs } = shapeOf(tile);
    for (let k = 0; k < shape.length; k++) {
      const y = tile.top + Math.floor(k / tile.width);
      const at = (y * width + tile.left + (k % tile.width)) * channels;
      for (let channel = 0; channel < channels; channel++) delta[at + channel] = signs[channel]! * shape[k]!;
    }
  }
  return delta;
}

/** Square tiles, five along the shorter side, in the middle of the image. */
function tilesOf({ height, width }: ImageShape): Window[] {
  const side = Math.max(Math.floor(Math.min(height, width) / 5), 1);
  const lines = Math.floor(height / side);
  const columns = Math.floor(width / side);
  const top = Math.floor((height - lines * side) / 2);
  const left = Math.floor((width - columns * side) / 2);
  return Array.from({ length: lines * columns }, (_, i) => ({
    top: top + Math.floor(i / columns) * side,
    left: left + (i % columns) * side,
    height: side,
    width: side,
  }));
}

/** Twin pyramids by size, made once each. */
function createShapes(): (window: Window, across: boolean) => Float64Array {
  const known = new Map<number, Float64Array>();
  return ({ height, width }, across) => {
    const key = 2 * (height * 2 ** 20 + width) + Number(across);
    const found = known.get(key) ?? twinPyramids(height, width, across);
    known.set(key, found);
    return found;
  };
}
