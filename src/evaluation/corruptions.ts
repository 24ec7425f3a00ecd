import { SEVERITIES, type Severity } from '../attacks/corruptions/catalogue.ts';
import { corruptionsFor } from '../attacks/corruptions/corrupt.ts';
import { AppError } from '../domain/errors.ts';
import { clopperPearson } from '../statistics/clopper-pearson.ts';
import { scoreCorrupted } from './corruption-tasks.ts';
import type { CorruptionResult, EvaluationResult } from './result.ts';
import { isCorrect, shardsOf } from './shards.ts';
import type { Subject } from './stage.ts';

export interface CorruptionsOptions extends Omit<Subject, 'clock'> {
  /** Called with the number of examples that a finished shard had, and the name of the corruption. */
  readonly onRows?: (corruption: string, rows: number) => void;
}

/** How many times the examples are scored: what progress counts. */
export function corruptionStages(inputShape: readonly number[]): number {
  return corruptionsFor(inputShape).length * SEVERITIES.length;
}

/**
 * Accuracy under each common corruption at each severity, and the mean over all of them. Draws are those of (seed, row),
 * so severities of one image differ in strength alone.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when the data are no images
 */
export async function evaluateCorruptions(
  options: CorruptionsOptions,
): Promise<NonNullable<EvaluationResult['corruptions']>> {
  const { data, confidence = 0.95 } = options;
  const corruptions = corruptionsFor(data.inputShape);
  if (corruptions.length === 0)
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `corruptions need images (height × width, or height × width × channels), ${data.name} has inputs of shape ${data.inputShape.join('×')}`,
    );
  const results: CorruptionResult[] = [];
  for (const { name } of corruptions) {
    const counts = await Promise.all(SEVERITIES.map((severity) => countCorrect(options, { name, severity })));
    counts.forEach((correct, i) =>
      results.push({
        corruption: name,
        severity: SEVERITIES[i]!,
        accuracy: clopperPearson(correct, data.count, confidence),
      }),
    );
  }
  const mean = results.reduce((sum, { accuracy }) => sum + accuracy.value, 0) / results.length;
  return { mean_accuracy: mean, results };
}

async function countCorrect(
  { pool, model, data, threat, seed, onRows }: CorruptionsOptions,
  { name, severity }: { readonly name: string; readonly severity: Severity },
): Promise<number> {
  const all = Array.from({ length: data.count }, (_, i) => i);
  const counts = await Promise.all(
    shardsOf(all).map(async (rows) => {
      const { inputs, labels } = data.rows(rows);
      const ids = rows.map((row) => `${data.name}#${row}`);
      const scores = await pool.run(scoreCorrupted, {
        model,
        inputs,
        ids,
        range: threat.range,
        corruption: name,
        severity,
        seed,
      });
      onRows?.(name, rows.length);
      return labels.reduce(
        (sum, label, i) =>
          sum + Number(isCorrect(scores.subarray(i * data.classes, (i + 1) * data.classes), label)),
        0,
      );
    }),
  );
  return counts.reduce((a, b) => a + b, 0);
}
