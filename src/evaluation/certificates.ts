import { AppError } from '../domain/errors.ts';
import { shardsOf, type Examples } from './shards.ts';
import type { Subject } from './stage.ts';
import { certifyShard } from './tasks.ts';

/**
 * 1 where the example is read right and provably no perturbation within the threat model changes that: no attack can
 * succeed there, so none needs to be run.
 *
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when the network has a layer without bounds | TEMPER_ATTACK_PARAMETER for a
 *   threat model that no bounds hold for: L0, another criterion than any other class, or constraints (scales may widen the ball)
 */
export async function certifyExamples(
  { pool, model, threat }: Subject,
  examples: Examples,
  onRows: (rows: number) => void,
): Promise<Uint8Array> {
  if (model.defences !== undefined && model.defences.length > 0)
    throw new AppError(
      'TEMPER_MODEL_UNSUPPORTED',
      `certificates: expected a model without declared defences, got ${model.defences.join(', ')}; leave --certify out`,
    );
  if (threat.norm === 'l0' || threat.criterion !== undefined || threat.constraints !== undefined)
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      'certificates: expected a threat model in linf, l2 or l1 without criterion and constraints; leave --certify out',
    );
  const { data, labels, cleanCorrect } = examples;
  const proved = new Uint8Array(data.count);
  const rows = Array.from(cleanCorrect.keys()).filter((i) => cleanCorrect[i] === 1);
  onRows(data.count - rows.length);
  await Promise.all(
    shardsOf(rows).map(async (shard) => {
      const { inputs } = data.rows(shard);
      const input = { model, inputs, labels: Int32Array.from(shard, (row) => labels[row]!), threat };
      const found = await pool.run(certifyShard, input);
      if (found === undefined)
        throw new AppError(
          'TEMPER_MODEL_UNSUPPORTED',
          'certificates: this network has a layer without interval bounds; leave --certify out',
        );
      shard.forEach((row, i) => (proved[row] = found[i]!));
      onRows(shard.length);
    }),
  );
  return proved;
}
