import type { AttackDefinition } from '../../src/attacks/attack.ts';
import { parseRecipe } from '../../src/attacks/recipe.ts';
import type { Recipe } from '../../src/domain/recipe.ts';

/** Small values of parameters that cost time, by their name, whichever attack has them. */
const QUICK: Readonly<Record<string, number>> = {
  steps: 6,
  queries: 40,
  restarts: 1,
  targets: 2,
  searches: 2,
  rounds: 3,
  binarySearchSteps: 2,
  draws: 1,
  samples: 8,
  initialQueries: 10,
};

/** A recipe of any attack of the catalogue, new ones included, that is done in milliseconds on a small network. */
export function quickRecipe({ name, parameters }: AttackDefinition): Recipe {
  const known = Object.keys(parameters.shape).filter((key) => key in QUICK && key !== 'draws');
  return parseRecipe({
    name,
    attack: name,
    parameters: Object.fromEntries(known.map((key) => [key, QUICK[key]])),
  });
}
