import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import type { Recipe } from '../domain/recipe.ts';
import { parseParameters } from './attack.ts';
import { findAttack } from './catalogue.ts';

export const recipeSchema = z.strictObject({
  name: z.string().min(1).max(100).describe('Name for people, unique within a suite.'),
  attack: z.string().min(1).describe('Key of the attack catalogue.'),
  parameters: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
    .default({})
    .describe('Parameters of the attack; those left out get their defaults.'),
});

/**
 * A checked recipe with the defaults of its attack filled in, so that its id names what is run: writing a default down
 * or leaving it out gives the same id, and a recipe keeps its meaning when a default changes.
 *
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER
 */
export function parseRecipe(given: unknown): Recipe {
  const parsed = recipeSchema.safeParse(given);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'recipe'}: ${message}`,
    );
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `expected a recipe with name, attack and parameters; ${mistakes.join('; ')}`,
    );
  }
  const { name, attack, parameters } = parsed.data;
  return { name, attack, parameters: parseParameters(findAttack(attack), parameters) };
}
