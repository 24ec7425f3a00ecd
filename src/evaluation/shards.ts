import type { DataSlice } from '../data/dataset.ts';
import { isMisclassified } from '../domain/misclassified.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Recipe } from '../domain/recipe.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { AttackedBatch } from './attack-batch.ts';
import type { AttackPerExample } from './result.ts';
import type { TaskRunner } from './task-runner.ts';
import { attackShard, scoreShard } from './tasks.ts';

/** Examples per task. Fixed, so that batches, and with them the last bits of a result, never depend on the machine. */
const SHARD_ROWS = 128;

/** A data set with what the model makes of it unchanged; arrays are indexed by example. */
export interface Examples {
  readonly data: DataSlice;
  readonly labels: Int32Array;
  /** Shape [count, classes]. */
  readonly cleanScores: Float32Array;
  readonly cleanCorrect: Uint8Array;
}

interface Work {
  readonly pool: TaskRunner;
  readonly model: ModelRef;
  /** Called with the number of examples that a finished shard had. */
  readonly onRows: (rows: number) => void;
}

/** Scores every example of the data. */
export async function scoreRows({
  pool,
  model,
  onRows,
  data,
}: Work & { data: DataSlice }): Promise<Examples> {
  const { classes, count } = data;
  const labels = new Int32Array(count);
  const cleanScores = new Float32Array(count * classes);
  const all = Array.from({ length: count }, (_, i) => i);
  await Promise.all(
    shardsOf(all).map(async (rows) => {
      const shard = data.rows(rows);
      const scores = await pool.run(scoreShard, { model, inputs: shard.inputs, count: rows.length });
      labels.set(shard.labels, rows[0]);
      cleanScores.set(scores, rows[0]! * classes);
      onRows(rows.length);
    }),
  );
  const cleanCorrect = Uint8Array.from(labels, (label, i) =>
    isCorrect(cleanScores.subarray(i * classes, (i + 1) * classes), label) ? 1 : 0,
  );
  return { data, labels, cleanScores, cleanCorrect };
}

/** Scores that are not finite count as wrong. */
export function isCorrect(scores: Float32Array, label: number): boolean {
  return scores.every(Number.isFinite) && !isMisclassified(scores, scores.length, 0, label);
}

export interface AttackRowsOptions extends Work {
  readonly examples: Examples;
  /** Examples to attack. */
  readonly rows: readonly number[];
  readonly attack: {
    readonly recipe: Recipe;
    readonly threat: ThreatModel;
    readonly seed: number;
    readonly stopsAtFirstSuccess?: boolean;
  };
  /** What examples that are not attacked keep. */
  readonly survivesBefore: Uint8Array;
}

/** Runs one recipe on some examples. */
export async function attackRows(options: AttackRowsOptions): Promise<AttackPerExample> {
  const { rows, examples, survivesBefore, attack, onRows } = options;
  const count = examples.labels.length;
  const found = {
    recipe: attack.recipe.name,
    attacked: new Uint8Array(count),
    survives: survivesBefore.slice(),
    distance: Float32Array.from(examples.cleanCorrect, (correct) => (correct === 1 ? Infinity : 0)),
    forwardQueries: new Uint32Array(count),
    gradientQueries: new Uint32Array(count),
  };
  await Promise.all(
    shardsOf(rows).map(async (shard) => {
      record(found, shard, await runShard(options, shard));
      onRows(shard.length);
    }),
  );
  return found;
}

function runShard(
  { pool, model, examples, attack }: AttackRowsOptions,
  rows: readonly number[],
): Promise<AttackedBatch> {
  const { data } = examples;
  const { inputs, labels } = data.rows(rows);
  const cleanScores = new Float32Array(rows.length * data.classes);
  rows.forEach((row, i) =>
    cleanScores.set(
      examples.cleanScores.subarray(row * data.classes, (row + 1) * data.classes),
      i * data.classes,
    ),
  );
  const ids = rows.map((row) => `${data.name}#${row}`);
  return pool.run(attackShard, { ...attack, model, inputs, labels, ids, cleanScores });
}

function record(found: AttackPerExample, rows: readonly number[], batch: AttackedBatch): void {
  rows.forEach((row, i) => {
    found.attacked[row] = 1;
    found.survives[row] = batch.success[i] === 1 ? 0 : 1;
    found.distance[row] = batch.distance[i]!;
    found.forwardQueries[row] = batch.forwardQueries[i]!;
    found.gradientQueries[row] = batch.gradientQueries[i]!;
  });
}

/** Rows cut into shards of a fixed size. */
export function shardsOf(rows: readonly number[]): number[][] {
  const shards: number[][] = [];
  for (let from = 0; from < rows.length; from += SHARD_ROWS) shards.push(rows.slice(from, from + SHARD_ROWS));
  return shards;
}
