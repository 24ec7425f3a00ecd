import { z } from 'zod';
import { loadData } from '../../../src/data/dataset.ts';
import type { DataSlice } from '../../../src/data/slice.ts';
import type { ModelRef } from '../../../src/domain/model-ref.ts';
import type { Recipe } from '../../../src/domain/recipe.ts';
import { evaluateModel } from '../../../src/evaluation/evaluate.ts';
import { openAttacks } from '../../../src/evaluation/open-attacks.ts';
import type { RecipeBook } from '../../../src/evaluation/recipe-book.ts';
import type { EvaluationResult } from '../../../src/evaluation/result.ts';
import type { HardenContext } from '../context.ts';
import { isUsedInTraining } from '../held-out.ts';
import type { RunnableStage } from '../run.ts';
import { trainOutput } from './train.ts';

const interval = z.object({
  value: z.number(),
  lower: z.number(),
  upper: z.number(),
  n: z.number(),
  confidence: z.number(),
});

const measured = z.object({
  cleanAccuracy: interval,
  /** Worst case per example over the held-out attacks; those with limits of their own break nothing in it and are not named. */
  worstCase: interval,
  heldOutAttacks: z.array(z.string()),
  /** Those among them that training used. */
  usedInTraining: z.array(z.string()).default([]),
});

const evaluateOutputSchema = z.object({
  data: z.object({ name: z.string(), rows: z.number(), sha256: z.string() }),
  candidate: measured,
  /** The last gated version on the same images; absent when nothing ever passed the gate. */
  champion: measured.extend({ version: z.number() }).optional(),
  /** Reported, decides nothing. */
  informational: z.array(z.object({ recipe: z.string(), robustAccuracy: interval })),
});
export type EvaluateOutput = z.infer<typeof evaluateOutputSchema>;

export function evaluateOutput(value: unknown): EvaluateOutput {
  return evaluateOutputSchema.parse(value);
}

/**
 * Attacks the candidate, and the champion on the same images, with attacks that training did not use. The training
 * attack is run on the candidate for information only.
 */
export function evaluateStage(context: HardenContext): RunnableStage {
  const { settings, threat, seed, registry, model, book } = context;
  const { heldOutAttacks, informationalAttacks, data } = settings;
  return {
    name: 'evaluate',
    // Names from recipe files stand for what the files hold now.
    settings: { heldOutAttacks, informationalAttacks, data, threat, seed, ...fromFiles(book) },
    async run({ outputOf }): Promise<EvaluateOutput> {
      const trained = trainOutput(outputOf('train'));
      const gateData = await gateSlice(context);
      const candidate = await attack(context, {
        ref: trained.model,
        data: gateData,
        attacks: heldOutAttacks,
      });
      const champion = await registry.lastGated(model.name);
      const before =
        champion === undefined
          ? undefined
          : await attack(context, { ref: champion.ref, data: gateData, attacks: heldOutAttacks });
      const information = await attack(context, {
        ref: trained.model,
        data: gateData,
        attacks: informationalAttacks,
        // Each figure is to stand for its own attack.
        mode: 'standalone',
      });
      return evaluateOutput({
        data: { name: gateData.name, rows: gateData.count, sha256: gateData.sha256 },
        candidate: summaryOf(candidate, context),
        ...(before === undefined
          ? {}
          : { champion: { ...summaryOf(before, context), version: champion!.version } }),
        informational: information.result.attacks.map(({ recipe, robust_accuracy }) => ({
          recipe,
          robustAccuracy: robust_accuracy,
        })),
      });
    },
  };
}

async function gateSlice({ settings }: HardenContext): Promise<DataSlice> {
  const split = await loadData(settings.data.gate);
  return split.slice(0, settings.data.gateRows ?? split.count);
}

interface AttackTask {
  readonly ref: ModelRef;
  readonly data: DataSlice;
  readonly attacks: readonly string[];
  /** Default survivors: the worst case is the same, for less. */
  readonly mode?: 'standalone' | 'survivors';
}

async function attack(
  { pool, threat, model, book, ...context }: HardenContext,
  { ref, data, attacks, mode = 'survivors' }: AttackTask,
): Promise<Attacked> {
  const opened = await openAttacks(attacks, { folder: '.', book });
  const chosen = opened.for({ norm: threat.norm, classes: model.classes });
  const result = await evaluateModel({
    pool,
    model: ref,
    data,
    ...chosen,
    threat,
    seed: context.seed,
    mode,
    onProgress: ({ done, total }) => context.progress('evaluate', { done, total }),
  });
  return { result, recipes: [...chosen.suites.flatMap((suite) => suite.recipes), ...chosen.recipes] };
}

interface Attacked {
  readonly result: EvaluationResult;
  readonly recipes: readonly Recipe[];
}

function fromFiles(book: RecipeBook | undefined): { readonly book?: RecipeBook } {
  const isEmpty = book === undefined || book.recipes.length + book.suites.length === 0;
  return isEmpty ? {} : { book };
}

/** Held-out attacks by the names of their recipes: a suite is as many as it has. */
function summaryOf({ result, recipes }: Attacked, context: HardenContext): z.infer<typeof measured> {
  const deciding = result.attacks.filter(({ limits }) => limits !== 'own').map(({ recipe }) => recipe);
  const used = recipes.filter((recipe) => isUsedInTraining(recipe, context)).map(({ name }) => name);
  return {
    cleanAccuracy: result.clean_accuracy,
    worstCase: result.worst_case ?? result.clean_accuracy,
    heldOutAttacks: deciding,
    usedInTraining: deciding.filter((name) => used.includes(name)),
  };
}
