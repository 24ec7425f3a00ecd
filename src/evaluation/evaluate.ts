import { clopperPearson } from '../statistics/clopper-pearson.ts';
import type { DataSlice } from '../data/dataset.ts';
import { systemClock, type Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { Interval } from '../domain/interval.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { ComputePool } from '../engine/pool.ts';
import { isSoftmaxOutput } from './indicators.ts';
import type { AttackPerExample, AttackResult, EvaluationResult, PerExample } from './result.ts';
import { attackRows, scoreRows, type Examples } from './shards.ts';

export interface EvaluateOptions {
  readonly pool: ComputePool;
  readonly model: ModelRef;
  readonly data: DataSlice;
  readonly recipes: readonly Recipe[];
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Coverage of the intervals. Default 0.95. */
  readonly confidence?: number;
  /**
   * standalone (default): every recipe on every example that is read right, so that each figure stands for its recipe.
   * survivors: each recipe only on what those before left standing; the worst case is the same, for less.
   */
  readonly mode?: 'standalone' | 'survivors';
  readonly clock?: Clock;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

export interface EvaluationProgress {
  /** `clean`, or the name of a recipe. */
  readonly stage: string;
  /** Examples done over all stages, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface Evaluation {
  readonly result: EvaluationResult;
  readonly perExample: PerExample;
}

/** Attacks a data set in shards and counts what is left. See `evaluateExamples`. */
export async function evaluateModel(options: EvaluateOptions): Promise<EvaluationResult> {
  return (await evaluateExamples(options)).result;
}

/**
 * Clean accuracy, robust accuracy per recipe, and the worst case per example over all recipes, with Clopper–Pearson
 * intervals. Shards have a fixed size, so the result does not depend on the number of workers.
 *
 * @throws {AppError} TEMPER_STATS_EMPTY without data | TEMPER_ATTACK_PARAMETER when two recipes share a name | what attacks throw
 */
export async function evaluateExamples(options: EvaluateOptions): Promise<Evaluation> {
  const { data, recipes, seed, pool, model, threat, confidence = 0.95 } = options;
  checkNames(recipes);
  const run = await scoreClean(options);
  const attacks: { result: AttackResult; perExample: AttackPerExample }[] = [];
  const standing = run.cleanCorrect.slice();
  for (const recipe of recipes) {
    const attacked = await attackOnce(run, { recipe, standing });
    attacked.perExample.survives.forEach((survives, i) => (standing[i]! &= survives));
    attacks.push(attacked);
  }
  const proportion = (flags: Uint8Array): Interval =>
    clopperPearson(countOnes(flags), data.count, confidence);
  return {
    result: {
      schema: 'temper/evaluation/1',
      seed,
      engine: pool.engine,
      model: { path: model.path, sha256: model.sha256 },
      data: { name: data.name, samples: data.count, sha256: data.sha256 },
      threat_model: describeThreat(threat),
      clean_accuracy: proportion(run.cleanCorrect),
      attacks: attacks.map(({ result }) => result),
      ...(recipes.length === 0 ? {} : { worst_case: proportion(standing) }),
      indicators: { softmax_output: isSoftmaxOutput(run.examples.cleanScores, data.classes) },
    },
    perExample: {
      label: run.examples.labels,
      cleanCorrect: run.cleanCorrect,
      attacks: attacks.map(({ perExample }) => perExample),
    },
  };
}

interface Run {
  readonly options: EvaluateOptions;
  readonly examples: Examples;
  readonly cleanCorrect: Uint8Array;
  readonly advance: (stage: string, examples: number) => void;
}

async function scoreClean(options: EvaluateOptions): Promise<Run> {
  const { data, recipes, onProgress, pool, model } = options;
  const total = data.count * (recipes.length + 1);
  let done = 0;
  const advance: Run['advance'] = (stage, examples) => {
    done += examples;
    onProgress?.({ stage, done, total });
  };
  const examples = await scoreRows({ pool, model, data, onRows: (rows) => advance('clean', rows) });
  return { options, examples, cleanCorrect: examples.cleanCorrect, advance };
}

async function attackOnce(
  { options, examples, cleanCorrect, advance }: Run,
  { recipe, standing }: { recipe: Recipe; standing: Uint8Array },
): Promise<{ result: AttackResult; perExample: AttackPerExample }> {
  const { mode = 'standalone', clock = systemClock, confidence = 0.95, data } = options;
  const wanted = mode === 'survivors' ? standing : cleanCorrect;
  const rows = Array.from(wanted.keys()).filter((i) => wanted[i] === 1);
  const startedMs = clock.nowMs();
  advance(recipe.name, data.count - rows.length);
  const { pool, model, threat, seed } = options;
  const perExample = await attackRows({
    pool,
    model,
    examples,
    rows,
    attack: { recipe, threat, seed },
    survivesBefore: wanted,
    onRows: (count) => advance(recipe.name, count),
  });
  const median = medianOf(rows.map((i) => perExample.distance[i]!).filter((d) => d < Infinity));
  return {
    perExample,
    result: {
      recipe: recipe.name,
      id: recipeId(recipe),
      scope: mode,
      attacked: rows.length,
      robust_accuracy: clopperPearson(countOnes(perExample.survives), data.count, confidence),
      ...(median === undefined ? {} : { median_distance: median }),
      forward_queries: sumOf(perExample.forwardQueries),
      gradient_queries: sumOf(perExample.gradientQueries),
      seconds: (clock.nowMs() - startedMs) / 1000,
    },
  };
}

function describeThreat({
  norm,
  epsilon,
  access,
  range,
  queryBudget,
}: ThreatModel): EvaluationResult['threat_model'] {
  const budget = queryBudget === undefined ? {} : { query_budget: queryBudget };
  return { norm, epsilon, access, range: [range[0], range[1]], ...budget };
}

function checkNames(recipes: readonly Recipe[]): void {
  const names = recipes.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `expected recipes with different names, got "${twice}" twice`,
    );
}

function countOnes(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0);
}

function sumOf(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Middle value, the mean of the two middle ones for an even number; undefined of nothing. */
function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]
    : sorted.length === 0
      ? undefined
      : (sorted[half - 1]! + sorted[half]!) / 2;
}
