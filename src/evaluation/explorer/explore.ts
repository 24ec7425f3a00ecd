import { recipeOf, type GrammarSubject } from '../../attacks/explorer/grammar.ts';
import { recipeId, type Recipe } from '../../domain/recipe.ts';
import { scoreRows } from '../shards.ts';
import { createBench, type Bench, type ExploreOptions } from './bench.ts';
import { coverGreedily } from './cover.ts';
import { searchRecipes, type Scored } from './search.ts';
import type { ExploreSettings } from './settings.ts';

export interface Find {
  readonly recipe: Recipe;
  /** How much nearer than the control of equal cost it came on the examples of the search, in clean margins. */
  readonly reward: number;
  /** Share of the search's examples that it broke. */
  readonly broken: number;
  /** Per example that withstands it, in forward passes. */
  readonly compute: number;
  readonly inPortfolio: boolean;
}

export interface Exploration {
  /** Best first. */
  readonly finds: readonly Find[];
  /** Recipes of the portfolio, in the order in which they run. */
  readonly portfolio: readonly Recipe[];
  /** Examples that the search went on. */
  readonly rows: number;
  readonly trials: number;
  readonly forwardQueries: number;
  readonly gradientQueries: number;
}

/**
 * Looks for recipes that nobody wrote down, against one model: composed of the parts that attacks are made of, searched
 * on the examples that withstand a plain attack by the least, compared with a control of equal cost and equal draws.
 * Nothing of it depends on time or on the number of processes, and every trial is remembered by what it is, so that an
 * interrupted search, started again, ends with the same finds.
 *
 * @throws {AppError} TEMPER_STATS_EMPTY when nothing withstands the plain attack | TEMPER_INTERRUPTED | what attacks throw
 */
export async function explore(options: ExploreOptions): Promise<Exploration> {
  const { settings, data, threat, seed, pool, model } = options;
  const examples = await scoreRows({ pool, model, data, onRows: () => undefined });
  const bench = await createBench(options, examples);
  const subject: GrammarSubject = {
    norm: threat.norm,
    classes: data.classes,
    isImage: data.inputShape.length === 2 || data.inputShape.length === 3,
  };
  const elites = await searchRecipes({
    settings,
    subject,
    seed,
    tryGenome: async (genome, gradients) => bench.reward(recipeOf(genome, gradients), gradients),
    isSpent: () => bench.spent.gradients >= settings.gradients || bench.spent.forwards >= settings.forwards,
    onRung: ({ generation, rung, tried }) =>
      options.onProgress?.({
        stage: `round ${generation + 1}, budget ${rung + 1}: ${tried} recipes`,
        gradients: bench.spent.gradients,
      }),
  });
  return conclude(options, bench, elites);
}

async function conclude(
  { settings, onProgress }: ExploreOptions,
  bench: Bench,
  elites: readonly Scored[],
): Promise<Exploration> {
  const finalists = await Promise.all(
    finalSizes(elites.slice(0, settings.finalists), settings).map(async ([recipe, gradients]) => ({
      recipe,
      trial: await bench.trial(recipe),
      reward: await bench.reward(recipe, gradients),
    })),
  );
  onProgress?.({ stage: 'finals', gradients: bench.spent.gradients });
  const portfolio = coverGreedily(finalists, { scale: bench.scale, budget: settings.portfolioCompute });
  const finds = finalists.map(({ recipe, trial, reward }): Find => ({
    recipe,
    reward,
    broken: trial.success.reduce((sum, flag) => sum + flag, 0) / trial.success.length,
    compute: trial.compute,
    inPortfolio: portfolio.some((one) => one.recipe === recipe),
  }));
  return {
    finds: finds.sort((a, b) => b.reward - a.reward || (a.recipe.name < b.recipe.name ? -1 : 1)),
    portfolio: portfolio.map(({ recipe }) => recipe),
    rows: bench.scale.length,
    trials: bench.spent.trials,
    forwardQueries: bench.spent.forwards,
    gradientQueries: bench.spent.gradients,
  };
}

/** Each find at its full size, at a quarter of it and four times as long: several short ones may do more than a long one. */
function finalSizes(elites: readonly Scored[], { finalGradients }: ExploreSettings): [Recipe, number][] {
  const sizes = [finalGradients, Math.max(1, Math.ceil(finalGradients / 4)), 4 * finalGradients];
  const all = elites.flatMap(({ genome }) =>
    sizes.map((gradients): [Recipe, number] => [recipeOf(genome, gradients), gradients]),
  );
  return [...new Map(all.map((entry) => [recipeId(entry[0]), entry])).values()];
}
