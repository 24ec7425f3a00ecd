import { AppError } from '../domain/errors.ts';
import { readDataset } from './file-dataset.ts';
import { loadMnist } from './mnist.ts';
import type { DataSlice } from './slice.ts';

export type { DataSlice } from './slice.ts';

/** Every source of data by the part of its name before the colon. A new source is one line here. */
const SOURCES: ReadonlyMap<string, (rest: string) => Promise<DataSlice>> = new Map([
  ['mnist', loadMnist],
  ['file', readDataset],
]);

/**
 * A data set by name: `mnist:test`, `mnist:train` and the other parts of MNIST, or `file:<folder>`.
 *
 * @throws {AppError} TEMPER_DATA_NOT_FOUND | TEMPER_DATA_CORRUPT
 */
export async function loadData(name: string): Promise<DataSlice> {
  const colon = name.indexOf(':');
  const source = SOURCES.get(name.slice(0, Math.max(0, colon)));
  if (source === undefined)
    throw new AppError(
      'TEMPER_DATA_NOT_FOUND',
      `"${name}" names no data set; expected mnist:<part> (e.g. mnist:test) or file:<folder>.`,
    );
  return source(name.slice(colon + 1));
}
