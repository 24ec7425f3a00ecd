import { findCorruption, type Severity } from '../attacks/corruptions/catalogue.ts';
import { corrupt } from '../attacks/corruptions/corrupt.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { ScoreTarget } from '../domain/target.ts';
import { defineTask, type Task } from '../engine/task.ts';
import { loadTarget } from './load-target.ts';

export interface CorruptedShardInput {
  readonly model: ModelRef;
  /** Shape [n, features]. */
  readonly inputs: Float32Array;
  readonly ids: readonly string[];
  readonly range: readonly [number, number];
  readonly corruption: string;
  readonly severity: Severity;
  readonly seed: number;
}

/** Scores of some examples after a corruption, shape [n, classes]. */
export const scoreCorrupted: Task<CorruptedShardInput, Float32Array> = defineTask(
  __filename,
  'runScoreCorrupted',
);

export async function runScoreCorrupted({ model, ...rest }: CorruptedShardInput): Promise<Float32Array> {
  return scoreCorruptedOn(await loadTarget(model), rest);
}

/** The work of `scoreCorrupted` on any target. */
export async function scoreCorruptedOn(
  target: ScoreTarget,
  { corruption, ...rest }: Omit<CorruptedShardInput, 'model'>,
): Promise<Float32Array> {
  const inputs = corrupt(findCorruption(corruption), { ...rest, inputShape: target.inputShape });
  const rows = Int32Array.from(rest.ids.keys());
  return target.scores({ inputs, count: rows.length, rows });
}
