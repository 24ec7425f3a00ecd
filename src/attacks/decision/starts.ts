import type { Question } from '../questions.ts';
import { fools, type Walk } from './walk.ts';

/**
 * Looks for any point that fools the target: the given one first, then so many guesses at random. Undefined where none
 * does, and the example is then left alone.
 */
export function* findStart(walk: Walk, guesses: number): Generator<Question, Float32Array | undefined, void> {
  const point = new Float32Array(walk.features);
  if (walk.given !== undefined) {
    point.set(walk.given);
    if (yield* fools(point)) return point;
  }
  for (let guess = 0; guess < guesses; guess++) {
    drawGuess(walk, guess, point);
    if (yield* fools(point)) return point;
  }
  return undefined;
}

/**
 * A point anywhere in the range. Noise pixel by pixel alone is not enough: many models read all of it as one class, and
 * examples of that class would never start. So guesses take turns: noise; noise in tiles; tiles of black and white; the
 * negative of the example and flat greys.
 */
export function drawGuess(walk: Walk, guess: number, into: Float32Array): void {
  const { rng, range } = walk;
  const [low, high] = range;
  const kind = guess % 4;
  if (kind === 3) {
    fillFlat(walk, guess >> 2, into);
    return;
  }
  const tile = kind === 0 ? 1 : 2 ** (1 + ((guess >> 2) % 4));
  fillTiles(walk, tile, into, () => {
    const share = rng.uniform();
    return low + (high - low) * (kind === 2 ? Math.round(share) : share);
  });
}

/** First the negative of the example, then black and white, then greys. */
function fillFlat({ original, range: [low, high], rng }: Walk, turn: number, into: Float32Array): void {
  if (turn === 0)
    into.forEach((_, j) => (into[j] = Math.min(Math.max(low + high - original[j]!, low), high)));
  else into.fill(low + (high - low) * (turn <= 2 ? turn - 1 : rng.uniform()));
}

function fillTiles({ image }: Walk, tile: number, into: Float32Array, draw: () => number): void {
  const { height, width, channels } = image;
  const columns = Math.ceil(width / tile);
  const values = Float32Array.from({ length: Math.ceil(height / tile) * columns * channels }, draw);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        into[(y * width + x) * channels + c] =
          values[(Math.floor(y / tile) * columns + Math.floor(x / tile)) * channels + c]!;
}
