import type { DataSlice } from '../data/dataset.ts';
import type { ComputePool } from '../engine/pool.ts';
import type { InnerAttack } from './inner-attack.ts';
import { measurePieceTask } from './measure-piece.ts';
import type { NetworkAt } from './worker-model.ts';

/** Rows measured by one task; fixed, so that the number of workers changes nothing. */
const PIECE_ROWS = 125;

export interface Accuracies {
  readonly clean: number;
  /** Under PGD from a random start; equals `clean` where no attack was asked for. */
  readonly robust: number;
}

/**
 * Clean and quick robust accuracy of a network on all rows of `data`, over the pool. For choosing between epochs, not for
 * reports: one restart, though never fewer than ten steps and at the whole epsilon, whatever training itself attacks with. An empty slice has accuracy 0.
 */
export async function measureAccuracy(
  pool: ComputePool,
  network: NetworkAt,
  { data, attack, seed }: { data: DataSlice; attack: InnerAttack | undefined; seed: number },
): Promise<Accuracies> {
  const starts = Array.from({ length: Math.ceil(data.count / PIECE_ROWS) }, (_, piece) => piece * PIECE_ROWS);
  const measured = await Promise.all(
    starts.map((from) => {
      const count = Math.min(PIECE_ROWS, data.count - from);
      const indexes = Uint32Array.from({ length: count }, (_, i) => from + i);
      const identities = Array.from(indexes, (row) => ['validation-start', seed, row]);
      return pool.run(measurePieceTask, { network, rows: data.raw(indexes), attack, identities });
    }),
  );
  const total = Math.max(1, data.count);
  return {
    clean: measured.reduce((sum, { cleanCorrect }) => sum + cleanCorrect, 0) / total,
    robust: measured.reduce((sum, { robustCorrect }) => sum + robustCorrect, 0) / total,
  };
}
