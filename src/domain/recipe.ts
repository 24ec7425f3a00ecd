import { hashJson } from './hashing.ts';

/** A number, string or flag that tunes an attack. */
export type Parameter = number | string | boolean;

/**
 * A declarative description of an attack: which algorithm, with which parameters. It names neither norm nor epsilon
 * (step sizes are relative to epsilon), so that the same recipe runs under every threat model.
 */
export interface Recipe {
  /** Human name, unique within a suite: `pgd-40`. Not part of the identity. */
  readonly name: string;
  /** Key of the attack catalogue: `pgd`, `apgd-ce`, `square`. */
  readonly attack: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Identity of a recipe: hash of its canonical JSON without the name, 16 hex digits. */
export function recipeId(recipe: Recipe): string {
  return hashJson({ attack: recipe.attack, parameters: recipe.parameters }).slice(0, 16);
}

/** `name@id` with the first 8 hex digits of the id: how a recipe is written in labels, tables and alerts. */
export function recipeLabel(recipe: Recipe): string {
  return `${recipe.name}@${recipeId(recipe).slice(0, 8)}`;
}
