import { findAttack } from '../../attacks/catalogue.ts';
import type { Recipe } from '../../domain/recipe.ts';
import type { EvaluationResult } from '../result.ts';
import { countOnes, type Run } from '../stage.ts';
import { TRACED_ROWS } from './thresholds.ts';
import { traceShard, type Trace } from './trace.ts';

type Indicators = NonNullable<EvaluationResult['indicators']>;

export interface PathsSubject {
  readonly run: Run;
  readonly rows: readonly number[];
  readonly whiteBox: readonly Recipe[];
}

/** Rows per task, so that several processes have work. */
const SHARD_ROWS = 32;

/**
 * Follows the evaluation's own white-box recipes again, with the same draws, on examples that withstood all of them:
 * silent_success is the share on which some path did pass an adversarial; incomplete_optimisation the share on which the
 * margin was still rising at the end, under the recipe where that share is least. Absent when nothing withstood, or no
 * recipe has paths in a ball of fixed size.
 *
 * @see Pintor et al. (2022), NeurIPS, arXiv 2106.09947
 */
export async function followPaths(
  { run, rows, whiteBox }: PathsSubject,
  survives: Uint8Array | undefined,
): Promise<Pick<Indicators, 'silent_success' | 'incomplete_optimisation'>> {
  const standing = rows.filter((_, i) => survives?.[i] === 1).slice(0, TRACED_ROWS);
  const recipes = whiteBox.filter(({ attack }) => findAttack(attack).kind === 'fixed-epsilon');
  if (standing.length === 0 || recipes.length === 0) return {};
  const passed = new Uint8Array(standing.length);
  let least = 1;
  for (const recipe of recipes) {
    const trace = await followOne(run, standing, recipe);
    trace.passed.forEach((flag, i) => (passed[i]! |= flag));
    least = Math.min(least, countOnes(trace.unfinished) / standing.length);
  }
  return { silent_success: countOnes(passed) / standing.length, incomplete_optimisation: least };
}

async function followOne(
  { subject: { pool, model, data, threat, seed } }: Run,
  rows: readonly number[],
  recipe: Recipe,
): Promise<Trace> {
  const starts = Array.from({ length: Math.ceil(rows.length / SHARD_ROWS) }, (_, i) => i * SHARD_ROWS);
  const parts = await Promise.all(
    starts.map((from) => {
      const shard = rows.slice(from, from + SHARD_ROWS);
      const ids = shard.map((row) => `${data.name}#${row}`);
      return pool.run(traceShard, { model, recipe, ...data.rows(shard), ids, threat, seed });
    }),
  );
  const join = (pick: (part: Trace) => Uint8Array): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => [...pick(part)]));
  return { passed: join(({ passed }) => passed), unfinished: join(({ unfinished }) => unfinished) };
}
