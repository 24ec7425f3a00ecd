import type { Rng } from '../../domain/rng.ts';
import type { AttackSession } from '../attack.ts';
import type { RowSpace } from '../row-space.ts';
import type { ImageShape } from './windows.ts';

/** What the search over windows keeps for every row, whatever the norm. */
export interface SquareState {
  readonly session: AttackSession;
  readonly image: ImageShape;
  readonly space: RowSpace;
  /** Shape [count, features]: the point with the smallest margin so far, and the one under trial. */
  readonly best: Float32Array;
  readonly candidate: Float32Array;
  /** Draws of each example, by example. */
  readonly rngs: readonly (Rng | undefined)[];
}

/** What a norm adds to the search: where it starts, and what it tries next. Rows are those of the state's space. */
export interface Moves {
  /** Writes the first candidate of a row. */
  start(row: number): void;
  /** Makes the candidate differ from the best in windows of a side; false when it would be the same. */
  change(row: number, side: number): boolean;
  /** The candidate becomes the best. */
  keep(row: number): void;
  /** The candidate was no better; the next `change` starts from the best. */
  discard(row: number): void;
}

export function rngOf({ rngs, space }: SquareState, row: number): Rng {
  return rngs[space.rows[row]!]!;
}

/** Writes draws of −1 and 1 into the first `count` places. */
export function drawSigns(into: Int8Array, count: number, rng: Rng): void {
  for (let k = 0; k < count; k++) into[k] = rng.uint32() < 2 ** 31 ? -1 : 1;
}
