import { parseRecipe } from '../../attacks/recipe.ts';
import { AppError } from '../../domain/errors.ts';
import { hashJson } from '../../domain/hashing.ts';
import { recipeId, type Recipe } from '../../domain/recipe.ts';
import { threatModelId } from '../../domain/threat-model.ts';
import { identityOf } from '../load-target.ts';
import type { Examples } from '../shards.ts';
import type { Subject } from '../stage.ts';
import type { TrialLedger } from './ledger.ts';
import { rewardOf } from './search.ts';
import type { ExploreSettings } from './settings.ts';
import { joinTrials, tryShard, type Trial } from './trial.ts';

/** What is explored, and how. */
export interface ExploreOptions extends Omit<Subject, 'clock' | 'confidence'> {
  readonly settings: ExploreSettings;
  readonly ledger: TrialLedger;
  readonly onProgress?: (progress: ExploreProgress) => void;
  readonly signal?: AbortSignal;
}

export interface ExploreProgress {
  readonly stage: string;
  /** Gradients spent, those of trials that were remembered included. */
  readonly gradients: number;
}

/** The examples that recipes are compared on, and what was tried on them. */
export interface Bench {
  /** Size of the clean margin, by example. */
  readonly scale: Float64Array;
  /** A recipe on all of them; remembered. */
  trial(recipe: Recipe): Promise<Trial>;
  /** What it gains over the control of the same number of gradients. */
  reward(recipe: Recipe, gradients: number): Promise<number>;
  readonly spent: { trials: number; forwards: number; gradients: number };
}

/** Rows per task: fixed, so that results do not depend on the machine; small, so that several processes have work. */
const SHARD_ROWS = 32;

/** What examples are chosen with: who falls to it is no test, and who withstands it by little is the best one. */
const PLAIN = parseRecipe({ name: 'plain', attack: 'apgd-margin', parameters: { steps: 30 } });
const SMALLEST_SCALE = 1e-6;

/** What every candidate is compared with: the strongest plain attack of the same number of gradients. */
function controlFor(gradients: number): Recipe {
  return parseRecipe({ name: 'control', attack: 'apgd-margin', parameters: { steps: gradients } });
}

/**
 * Chooses the examples: read right, withstanding a short plain attack, and of those the nearest to falling.
 * @throws {AppError} TEMPER_STATS_EMPTY when there are none
 */
export async function createBench(options: ExploreOptions, examples: Examples): Promise<Bench> {
  const { settings } = options;
  const spent = { trials: 0, forwards: 0, gradients: 0 };
  const right = Array.from(examples.cleanCorrect.keys()).filter((i) => examples.cleanCorrect[i] === 1);
  const plain = await runTrial({ options, examples, rows: right, spent }, PLAIN);
  const standing = right
    .map((row, i) => ({ row, i }))
    .filter(({ i }) => plain.success[i] === 0)
    .sort((a, b) => plain.margins[b.i]! - plain.margins[a.i]! || a.row - b.row);
  const rows = standing.slice(0, settings.rows).map(({ row }) => row);
  if (rows.length === 0)
    throw new AppError(
      'TEMPER_STATS_EMPTY',
      `explore: expected examples of ${options.data.name} that withstand thirty plain steps, got none: any attack breaks this model`,
    );
  rows.sort((a, b) => a - b);
  const work = { options, examples, rows, spent };
  const scale = Float64Array.from(rows, (row) => Math.max(SMALLEST_SCALE, cleanMargin(examples, row)));
  const known = new Map<string, Promise<Trial>>();
  const trial = (recipe: Recipe): Promise<Trial> => {
    const id = recipeId(recipe);
    const running = known.get(id) ?? runTrial(work, recipe);
    known.set(id, running);
    return running;
  };
  return {
    scale,
    trial,
    spent,
    reward: async (recipe, gradients) =>
      rewardOf(await trial(recipe), await trial(controlFor(gradients)), scale),
  };
}

interface Work {
  readonly options: ExploreOptions;
  readonly examples: Examples;
  readonly rows: readonly number[];
  readonly spent: Bench['spent'];
}

/** From the ledger, or run now and written there. */
async function runTrial({ options, examples, rows, spent }: Work, recipe: Recipe): Promise<Trial> {
  const { model, data, threat, seed, ledger, signal } = options;
  const key = hashJson({
    model: identityOf(model),
    data: data.sha256,
    threat: threatModelId(threat),
    rows,
    seed,
    recipe: recipeId(recipe),
  });
  const remembered = ledger.get(key);
  if (remembered === undefined && signal?.aborted === true)
    throw new AppError(
      'TEMPER_INTERRUPTED',
      'explore was interrupted; the same command goes on where it was',
      {
        retryable: true,
      },
    );
  const trial = remembered ?? (await runRows({ options, examples, rows, spent }, recipe));
  if (remembered === undefined) await ledger.put(key, trial);
  spent.trials++;
  spent.forwards += trial.forwardQueries;
  spent.gradients += trial.gradientQueries;
  return trial;
}

async function runRows({ options, examples, rows }: Work, recipe: Recipe): Promise<Trial> {
  const { pool, model, data, threat, seed } = options;
  const { classes } = data;
  const shards = Array.from({ length: Math.ceil(rows.length / SHARD_ROWS) }, (_, i) =>
    rows.slice(i * SHARD_ROWS, (i + 1) * SHARD_ROWS),
  );
  const parts = await Promise.all(
    shards.map((shard) => {
      const cleanScores = new Float32Array(shard.length * classes);
      shard.forEach((row, i) => cleanScores.set(scoresOf(examples, row), i * classes));
      const ids = shard.map((row) => `${data.name}#${row}`);
      return pool.run(tryShard, { model, recipe, ...data.rows(shard), ids, threat, seed, cleanScores });
    }),
  );
  return joinTrials(parts);
}

function scoresOf({ cleanScores, data: { classes } }: Examples, row: number): Float32Array {
  return cleanScores.subarray(row * classes, (row + 1) * classes);
}

/** Of the label over the best other class. */
function cleanMargin(examples: Examples, row: number): number {
  const label = examples.labels[row]!;
  const scores = scoresOf(examples, row);
  const other = scores.reduce((most, score, k) => (k === label ? most : Math.max(most, score)), -Infinity);
  return scores[label]! - other;
}
