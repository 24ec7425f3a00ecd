import { parseRecipe } from '../attacks/recipe.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Outcome } from '../domain/probe.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import { createRng } from '../domain/rng.ts';
import type { Sample } from '../domain/sample.ts';
import { threatModelId } from '../domain/threat-model.ts';
import { concatenate, type ProbeSettings } from './canary-round.ts';
import type { Prober } from './prober.ts';
import type { ProbeRecord } from './slot.ts';

/** The rows of one event, whose sentinel outcomes are known. */
export interface ExploredEvent {
  readonly samples: readonly Sample[];
  /** Worst loss of the sentinels, by row; undefined where a sentinel has no measurement. */
  readonly sentinelLosses: readonly (number | undefined)[];
}

export interface ExploreSlotOptions {
  readonly events: readonly ExploredEvent[];
  /** Recipes to try, in a fixed order; at least one. */
  readonly rotation: readonly Recipe[];
  readonly prober: Prober;
  readonly settings: Omit<ProbeSettings, 'recipes'>;
  readonly replica: ModelRef;
  readonly version: string;
}

/** What a recipe did to the rows of one event, and what could be done without it. */
export interface ExploredResult {
  readonly event: ExploredEvent;
  readonly recipe: Recipe;
  readonly records: readonly ProbeRecord[];
  /** Mean over the rows of the worst loss of the sentinels and of the control of equal cost; undefined where one is missing. */
  readonly knownLoss: number | undefined;
}

/**
 * Tries one recipe of the rotation on each event: which one, its first sample decides. Beside it runs a control, the
 * strongest plain attack at the same number of gradients, on the same rows: a recipe is news only for what it breaks
 * beyond the sentinels and beyond what its cost alone would buy.
 *
 * @throws {AppError} retryable, when the served model is away
 */
export async function exploreSlot(options: ExploreSlotOptions): Promise<readonly ExploredResult[]> {
  const results: ExploredResult[] = [];
  for (const [recipe, events] of byRecipe(options))
    results.push(...(await tryRecipe(options, recipe, events)));
  return results;
}

function byRecipe({ events, rotation, settings }: ExploreSlotOptions): Map<Recipe, ExploredEvent[]> {
  const groups = new Map<Recipe, ExploredEvent[]>();
  for (const event of events) {
    const rng = createRng('explorer', settings.seed, event.samples[0]!.sampleId);
    const recipe = rotation[rng.below(rotation.length)]!;
    groups.set(recipe, [...(groups.get(recipe) ?? []), event]);
  }
  return groups;
}

async function tryRecipe(
  { prober, settings, replica, version }: ExploreSlotOptions,
  recipe: Recipe,
  events: readonly ExploredEvent[],
): Promise<ExploredResult[]> {
  const samples = events.flatMap((event) => event.samples);
  const [tried, control] = await prober.probe({
    ...settings,
    recipes: [recipe, controlOf(recipe)],
    ids: samples.map(({ sampleId }) => sampleId),
    inputs: concatenate(samples.map(({ input }) => input)),
    model: replica,
  });
  let from = 0;
  return events.map((event) => {
    const rows = event.samples.map((sample, i) => ({
      record: {
        sample,
        probe: {
          key: {
            sampleId: sample.sampleId,
            recipeId: recipeId(recipe),
            threatModelId: threatModelId(settings.threat),
            targetVersion: version,
            round: 0,
          },
          role: 'explorer' as const,
          ...tried![from + i]!,
        },
      },
      known: worstOf(event.sentinelLosses[i], lossOf(control![from + i]!.outcome)),
    }));
    from += event.samples.length;
    return {
      event,
      recipe,
      records: rows.map(({ record }) => record),
      knownLoss: meanOf(rows.map(({ known }) => known)),
    };
  });
}

const MOST_STEPS = 100;
const MOST_GRADIENTS = 2_000;
const QUERIES_PER_GRADIENT = 3;

/** The control of a recipe: Auto-PGD on the margin, with as many gradients, in restarts of at most a hundred steps. */
export function controlOf({ parameters }: Recipe): Recipe {
  const number = (key: string, standard: number): number => {
    const value = parameters[key];
    return typeof value === 'number' && value > 0 ? value : standard;
  };
  const steps = number('steps', Math.ceil(number('queries', 3 * MOST_STEPS) / QUERIES_PER_GRADIENT));
  const paths = number('restarts', 1) * number('targets', 1) * number('draws', 1);
  const gradients = Math.min(MOST_GRADIENTS, Math.max(1, Math.round(steps * paths)));
  const restarts = Math.ceil(gradients / MOST_STEPS);
  return parseRecipe({
    name: 'control',
    attack: 'apgd-margin',
    parameters: { steps: Math.ceil(gradients / restarts), restarts },
  });
}

function lossOf(outcome: Outcome): number | undefined {
  return outcome.kind === 'done' ? outcome.measurement.loss : undefined;
}

function worstOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.max(a, b);
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    sum += value;
  }
  return values.length === 0 ? undefined : sum / values.length;
}
