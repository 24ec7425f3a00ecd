import type { DataSlice } from '../data/dataset.ts';
import { AppError } from '../domain/errors.ts';
import { createRng } from '../domain/rng.ts';

/** Rows that a command works on when nobody says how many. */
const MOST_ROWS = 1000;

export interface RowChoice {
  readonly samples?: number;
  readonly shuffle?: boolean;
  readonly seed: number;
}

/** The first rows of a data set, or so many at random. @throws {AppError} TEMPER_USAGE when there are fewer */
export function chooseRows(data: DataSlice, { samples, shuffle, seed }: RowChoice): DataSlice {
  if (samples !== undefined && samples > data.count)
    throw new AppError(
      'TEMPER_USAGE',
      `expected --samples of at most ${data.count}, all that ${data.name} has, got ${samples}`,
    );
  const ordered = shuffle === true ? data.shuffled(createRng('evaluate', 'shuffle', seed)) : data;
  return ordered.slice(0, samples ?? Math.min(MOST_ROWS, data.count));
}
