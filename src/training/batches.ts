import type { DataSlice } from '../data/dataset.ts';
import { createRng, permutation } from '../domain/rng.ts';
import type { LabelledRows } from './rows.ts';

/** Rows to train on: fresh ones are attacked while training, stored ones are adversarial already. */
export interface TrainingRows {
  readonly fresh: DataSlice;
  readonly stored: DataSlice | undefined;
}

/** A part of a batch by position in its data sets. */
export interface Piece {
  readonly fresh: Uint32Array;
  readonly stored: Uint32Array;
}

/** Steps of an epoch: as many full batches as there are rows for, at least one; a rest is spread over them. */
export function stepsPerEpoch(rows: number, batch: number): number {
  return Math.max(1, Math.floor(rows / batch));
}

/**
 * The batches of an epoch: one random order of all rows, fresh and stored, drawn for (seed, epoch), cut into steps of
 * (almost) equal size. O(rows).
 */
export function epochOrder(
  rows: TrainingRows,
  { seed, epoch }: { seed: number; epoch: number },
): Uint32Array {
  const count = rows.fresh.count + (rows.stored?.count ?? 0);
  return permutation(count, createRng('training-order', seed, epoch));
}

/** The pieces of step `step` of `steps`: every row of the order is in exactly one piece of one step. */
export function cutPieces(
  order: Uint32Array,
  freshCount: number,
  { step, steps, pieces }: { step: number; steps: number; pieces: number },
): Piece[] {
  const batch = share(order, step, steps);
  const fresh = batch.filter((row) => row < freshCount);
  const stored = batch.filter((row) => row >= freshCount).map((row) => row - freshCount);
  return Array.from({ length: pieces }, (_, piece) => ({
    fresh: share(fresh, piece, pieces),
    stored: share(stored, piece, pieces),
  })).filter((piece) => piece.fresh.length + piece.stored.length > 0);
}

/** Rows of a slice as they are stored; no slice has no rows. */
export function labelledRows(data: DataSlice | undefined, indexes: Uint32Array): LabelledRows {
  return data === undefined ? { inputs: new Float32Array(), labels: new Int32Array() } : data.raw(indexes);
}

function share(values: Uint32Array, part: number, parts: number): Uint32Array {
  const at = (k: number): number => Math.floor((k * values.length) / parts);
  return values.slice(at(part), at(part + 1));
}
