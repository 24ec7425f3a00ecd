import { recipeId, type Recipe } from '../../src/domain/recipe.ts';
import { recipeNamed } from '../../src/evaluation/suites.ts';
import type { HardenContext } from './context.ts';

/**
 * Whether training used an attack, so that it must not decide the gate: the ascent inside training steps under whatever
 * name, number of steps and restarts, and the very recipes whose adversarial rows were stored.
 */
export function isUsedInTraining(
  recipe: Recipe,
  { settings, sentinels, book }: Pick<HardenContext, 'settings' | 'sentinels' | 'book'>,
): boolean {
  if (isInnerAttack(recipe, settings.training.objective.kind)) return true;
  if (settings.generatedRows === 0) return false;
  const stored = [...sentinels, ...settings.generatedWith.map((name) => recipeNamed(name, book))];
  return stored.some((one) => recipeId(one) === recipeId(recipe));
}

function isInnerAttack({ attack, parameters }: Recipe, objective: string): boolean {
  if (objective === 'clean') return false;
  const driven = objective === 'trades' ? 'kl' : 'ce';
  if (attack === 'trades-pgd') return driven === 'kl';
  return attack === 'pgd' && (parameters['loss'] ?? 'ce') === driven;
}
