import type { AttackSession } from '../attack.ts';
import { fillNormal, scaleToOne } from '../normal-noise.ts';
import type { Question, Search } from '../questions.ts';
import { pointOnRay, searchRay } from './ray.ts';
import { findStart } from './starts.ts';
import { approach, walkTogether, type Walk, type WalkOptions } from './walk.ts';

export interface SignOptParameters extends WalkOptions {
  readonly guesses: number;
  /** Random moves of the direction whose signs make a gradient. */
  readonly votes: number;
  /** Size of those moves, of a direction of length 1. */
  readonly smoothing: number;
  /** First size of a step. */
  readonly firstStep: number;
}

const TOLERANCE = 1e-3;
/** A step is tried at so many sizes, each twice the one before, then half. */
const SIZES = 5;
const LEAST_STEP = 1e-6;

/**
 * Sign-OPT. The distance g(θ) at which the ray from the example in direction θ meets the boundary is a function of θ
 * alone; whether g(θ + ε·u) is smaller than g(θ) takes one decision. The sum of such signs is a gradient:
 *   ĝ = (1/Q) Σ_q sign(g(θ + ε·u_q) − g(θ))·u_q,   θ ← θ − η·ĝ,  η by trying.
 *
 * @see Cheng et al. (2020), ICLR, arXiv 1909.10773: 200 votes of size 0.001
 */
export async function runSignOpt(session: AttackSession, parameters: SignOptParameters): Promise<void> {
  await walkTogether(session, parameters, (walk) => search(walk, parameters));
}

function* search(walk: Walk, { guesses, votes, smoothing, firstStep }: SignOptParameters): Search {
  const point = yield* findStart(walk, guesses);
  if (point === undefined) return;
  yield* approach(walk, point, TOLERANCE);
  let { direction, length } = rayTo(walk, point);
  let size = firstStep;
  while (length > 0 && size > LEAST_STEP) {
    const gradient = yield* signGradient(walk, direction, { length, votes, smoothing });
    const better = yield* tryStep(walk, { direction, length, gradient, size });
    if (better === undefined) size /= 4;
    else ({ direction, length, size } = better);
  }
}

function rayTo(
  { original, features }: Walk,
  point: Float32Array,
): { direction: Float64Array; length: number } {
  const direction = new Float64Array(features);
  let squares = 0;
  for (let j = 0; j < features; j++) {
    direction[j] = point[j]! - original[j]!;
    squares += direction[j]! ** 2;
  }
  scaleToOne(direction);
  return { direction, length: Math.sqrt(squares) };
}

interface Place {
  readonly direction: Float64Array;
  /** Distance of the boundary in that direction. */
  readonly length: number;
}

function* signGradient(
  walk: Walk,
  direction: Float64Array,
  {
    length,
    votes,
    smoothing,
  }: { readonly length: number; readonly votes: number; readonly smoothing: number },
): Generator<Question, Float64Array, void> {
  const { features } = walk;
  const moves: Float64Array[] = [];
  const sum = new Float64Array(features);
  yield {
    count: votes,
    write(into) {
      const move = new Float64Array(features);
      fillNormal(move, walk.rng);
      moves.push(move);
      pointOnRay(walk, shifted(direction, move, smoothing), { length, into });
    },
    take(answer) {
      const move = moves.shift()!;
      // Fooled at this length: the boundary in that direction is nearer.
      const sign = answer === 1 ? -1 : 1;
      for (let j = 0; j < features; j++) sum[j]! += (sign * move[j]!) / votes;
    },
  };
  return sum;
}

/** direction + size · move, at length 1. */
function shifted(direction: Float64Array, move: Float64Array, size: number): Float64Array {
  const moved = direction.map((value, j) => value + size * move[j]!);
  scaleToOne(moved);
  return moved;
}

/** Larger steps while they gain, else smaller ones until one does; undefined where none does. */
function* tryStep(
  walk: Walk,
  { direction, length, gradient, size }: Place & { readonly gradient: Float64Array; readonly size: number },
): Generator<Question, (Place & { readonly size: number }) | undefined, void> {
  let best: (Place & { readonly size: number }) | undefined;
  for (const factor of [2, 1 / 2]) {
    let step = factor === 2 ? size : size / 2;
    for (let attempt = 0; attempt < SIZES; attempt++, step *= factor) {
      const moved = shifted(direction, gradient, -step);
      const target = best?.length ?? length;
      const found = yield* nearer(walk, moved, target);
      if (found === undefined) {
        if (factor === 2) break;
        continue;
      }
      best = { direction: moved, length: found, size: step };
      if (factor < 1) return best;
    }
    if (best !== undefined) return best;
  }
  return best;
}

/** Length of the boundary in a direction if it is below `length`: one question where it is not. */
function* nearer(
  walk: Walk,
  direction: Float64Array,
  length: number,
): Generator<Question, number | undefined, void> {
  const point = new Float32Array(walk.features);
  return yield* searchRay(walk, direction, {
    point,
    guess: length * (1 - TOLERANCE),
    most: length * (1 - TOLERANCE),
    tolerance: TOLERANCE,
  });
}
