import type { Rng } from '../domain/rng.ts';

const PIECES = 4_096;
const INDEX_SHIFT = 20;
const FRACTION_BITS = 2 ** INDEX_SHIFT;

let quantiles: Float64Array | undefined;

/**
 * Fills an array with standard normal draws, one random word each: the quantile function between 4,096 equally likely
 * points, straight in between, up to 3.5 either way. Meant for directions in many dimensions, where it is several times
 * as fast as exact draws; the variance is within 1e-3 of 1.
 */
export function fillNormal(values: Float64Array, rng: Rng): void {
  quantiles ??= normalQuantiles();
  for (let j = 0; j < values.length; j++) {
    const word = rng.uint32();
    const piece = word >>> INDEX_SHIFT;
    const from = quantiles[piece]!;
    values[j] = from + ((word & (FRACTION_BITS - 1)) / FRACTION_BITS) * (quantiles[piece + 1]! - from);
  }
}

/** Scales to length 1 in L2; zeros stay. */
export function scaleToOne(values: Float64Array): void {
  let squares = 0;
  for (let j = 0; j < values.length; j++) squares += values[j]! * values[j]!;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let j = 0; j < values.length; j++) values[j]! *= scale;
}

const FARTHEST = 3.5;
const STEP = 1e-4;

/** Quantiles k / 4,096 by adding up the density; the outermost are set to ±3.5. */
function normalQuantiles(): Float64Array {
  const table = new Float64Array(PIECES + 1);
  let share = 0;
  let k = 1;
  for (let x = -6; k < PIECES; x += STEP) {
    const gained = (STEP * Math.exp(-((x + STEP / 2) ** 2) / 2)) / Math.sqrt(2 * Math.PI);
    while (k < PIECES && share + gained >= k / PIECES) {
      table[k] = x + (STEP * (k / PIECES - share)) / gained;
      k++;
    }
    share += gained;
  }
  table[0] = -FARTHEST;
  table[PIECES] = FARTHEST;
  return table;
}
