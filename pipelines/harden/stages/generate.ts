import { join } from 'node:path';
import { loadData } from '../../../src/data/dataset.ts';
import { writeDataset } from '../../../src/data/file-dataset.ts';
import { allRows, concatSlices, createSlice, type DataSlice } from '../../../src/data/slice.ts';
import type { Recipe } from '../../../src/domain/recipe.ts';
import { createRng } from '../../../src/domain/rng.ts';
import { recipeNamed } from '../../../src/evaluation/suites.ts';
import { createPoolCraft } from '../../../src/probing/pool-craft.ts';
import { gatherRows } from '../../../src/probing/prober.ts';
import type { HardenContext } from '../context.ts';
import type { RunnableStage } from '../run.ts';
import { ADVERSARIAL, collectOutput, PRODUCTION } from './collect.ts';

export interface GenerateOutput {
  /** Clean rows, perturbed anew while training. */
  readonly clean: { readonly train: number; readonly production: number };
  /** Adversarial rows, used as they are. */
  readonly adversarial: { readonly production: number; readonly generated: Readonly<Record<string, number>> };
}

/** Folders of the augmented set, inside the stage's own. */
export const CLEAN = 'clean';
export const STORED = 'stored';

/**
 * Builds the augmented set: clean rows (a fresh draw of the training split, and labelled production samples) and
 * adversarial rows (what broke the served model in production, and what every sentinel breaks on training rows now).
 */
export function generateStage(context: HardenContext): RunnableStage {
  const { settings, seed, sentinels, threat } = context;
  return {
    name: 'generate',
    settings: {
      data: settings.data,
      generatedRows: settings.generatedRows,
      seed,
      sentinels,
      ...(settings.generatedWith.length === 0 ? {} : { further: furtherRecipes(context) }),
      threat,
      runId: context.runId,
    },
    async run({ directory, directoryOf, outputOf }): Promise<GenerateOutput> {
      const collected = collectOutput(outputOf('collect'));
      const from = directoryOf('collect');
      const split = await loadData(settings.data.train);
      const shuffled = split.shuffled(createRng('train-rows', seed, context.runId));
      const train = shuffled.slice(0, settings.data.trainRows ?? split.count);
      const production = collected.production > 0 ? [await loadData(`file:${join(from, PRODUCTION)}`)] : [];
      const broken = collected.adversarial > 0 ? [await loadData(`file:${join(from, ADVERSARIAL)}`)] : [];
      const generated = await craftRows(context, train.slice(0, settings.generatedRows));
      await writeSlice(join(directory, CLEAN), concatSlices('clean', [train, ...production]));
      const stored = [...broken, ...generated.map(({ rows }) => rows)].filter(({ count }) => count > 0);
      if (stored.length > 0) await writeSlice(join(directory, STORED), concatSlices('stored', stored));
      return {
        clean: { train: train.count, production: collected.production },
        adversarial: {
          production: collected.adversarial,
          generated: Object.fromEntries(generated.map(({ name, rows }) => [name, rows.count])),
        },
      };
    },
  };
}

/** Rows of the training split that a sentinel, or a further recipe, breaks on the version that is served, with their true labels. */
async function craftRows(
  context: HardenContext,
  data: DataSlice,
): Promise<{ name: string; rows: DataSlice }[]> {
  if (data.count === 0) return [];
  const { ref } = await context.registry.current(context.model.name);
  const craft = createPoolCraft(context.pool);
  const { inputs, labels } = allRows(data);
  const features = inputs.length / data.count;
  const results: { name: string; rows: DataSlice }[] = [];
  const recipes = [...context.sentinels, ...furtherRecipes(context)];
  for (const recipe of recipes) {
    const crafted = await craft({
      model: ref,
      recipe,
      inputs,
      labels,
      ids: Array.from({ length: data.count }, (_, i) => `generate:${i}`),
      threat: context.threat,
      seed: context.seed,
      bisectionSteps: 0,
    });
    const broken = Array.from(crafted.success).flatMap((success, i) => (success === 1 ? [i] : []));
    const rows = createRows(
      context,
      gatherRows(crafted.adversarial, broken, features),
      Uint8Array.from(broken, (i) => labels[i]!),
    );
    results.push({ name: recipe.name, rows });
    context.progress('generate', { done: results.length, total: recipes.length });
  }
  return results;
}

function furtherRecipes({ settings, book }: HardenContext): Recipe[] {
  return settings.generatedWith.map((name) => recipeNamed(name, book));
}

function createRows({ model }: HardenContext, inputs: Float32Array, labels: Uint8Array): DataSlice {
  const store = { inputs, labels, inputShape: model.inputShape, classes: model.classes };
  return createSlice(
    'generated',
    store,
    Uint32Array.from(labels, (_, i) => i),
  );
}

async function writeSlice(directory: string, data: DataSlice): Promise<void> {
  const { inputs, labels } = data.raw(Uint32Array.from({ length: data.count }, (_, i) => i));
  await writeDataset(directory, {
    inputs,
    labels: Uint8Array.from(labels),
    inputShape: data.inputShape,
    classes: data.classes,
  });
}
