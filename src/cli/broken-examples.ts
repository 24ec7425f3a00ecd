import type { DataSlice } from '../data/dataset.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Recipe } from '../domain/recipe.ts';
import { predictedClass } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { TaskRunner } from '../evaluation/task-runner.ts';
import type { ExampleGroup } from '../reports/evaluation-report.ts';
import type { AdversarialExample } from '../reports/story.ts';

export interface FindExamplesOptions {
  readonly pool: TaskRunner;
  readonly model: ModelRef;
  readonly data: DataSlice;
  readonly recipes: readonly Recipe[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly evaluation: Evaluation;
  /** Most examples per recipe. Default 8. */
  readonly limit?: number;
}

const BISECTION_STEPS = 8;

/**
 * The first examples (in the data's order, not the prettiest) that each recipe broke, attacked again with the same draws
 * and moved as near to the original as the model still errs.
 */
export async function findExamples(options: FindExamplesOptions): Promise<readonly ExampleGroup[]> {
  const groups: ExampleGroup[] = [];
  for (const recipe of options.recipes) {
    const found = options.evaluation.perExample.attacks.find((one) => one.recipe === recipe.name);
    const broken = [...(found?.survives.keys() ?? [])].filter(
      (i) => found!.attacked[i] === 1 && found!.survives[i] === 0,
    );
    if (broken.length === 0) continue;
    const { inputShape } = options.data;
    const examples = await attackAgain(options, recipe, broken.slice(0, options.limit ?? 8));
    groups.push({
      recipe: recipe.name,
      broken: broken.length,
      inputShape,
      range: options.threat.range,
      examples,
    });
  }
  return groups;
}

async function attackAgain(
  { pool, model, data, threat, seed }: FindExamplesOptions,
  recipe: Recipe,
  rows: readonly number[],
): Promise<readonly AdversarialExample[]> {
  const { attackAndRefine, scoreShard } = await import('../evaluation/tasks.ts');
  const { inputs, labels } = data.rows(rows);
  const ids = rows.map((row) => `${data.name}#${row}`);
  const attack = { model, recipe, inputs, labels, ids, threat, seed, bisectionSteps: BISECTION_STEPS };
  const { success, refined, refinedDistance } = await pool.run(attackAndRefine, attack);
  const scores = await pool.run(scoreShard, { model, inputs: refined, count: rows.length });
  const features = inputs.length / rows.length;
  return rows.flatMap((_, i) => {
    if (success[i] !== 1) return [];
    const part = (all: Float32Array): Float32Array => all.slice(i * features, (i + 1) * features);
    return {
      clean: part(inputs),
      adversarial: part(refined),
      // Only examples that are read right are attacked.
      predictionBefore: labels[i]!,
      predictionAfter: predictedClass(scores, data.classes, i),
      distance: refinedDistance[i]!,
      label: labels[i]!,
      sampleId: ids[i]!,
    };
  });
}
