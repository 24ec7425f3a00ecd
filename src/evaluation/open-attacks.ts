import { resolve } from 'node:path';
import { isCustom } from '../attacks/custom.ts';
import type { Recipe } from '../domain/recipe.ts';
import { EMPTY_BOOK, ground, openCustom, readRecipeFiles, type RecipeBook } from './recipe-book.ts';
import { chooseAttacks, type ChosenAttacks, type SuiteSubject } from './suites.ts';

export interface OpenedAttacks {
  /** What the names stand for under a norm, on a model with so many classes. @throws {AppError} as `chooseAttacks` */
  readonly for: (subject: SuiteSubject) => ChosenAttacks;
}

/**
 * Attacks by name, from whatever they may come: suites, ready-made recipes, `attack?key=value`, recipe files, modules
 * (`module:<path>`). Files that they name are read now.
 *
 * @param folder where relative paths begin
 * @param files recipe files whose names may be used
 * @param book the same, read already
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER | TEMPER_ATTACK_MODULE | TEMPER_RECIPES_INVALID
 */
export async function openAttacks(
  names: readonly string[],
  {
    folder,
    files = [],
    book = EMPTY_BOOK,
  }: { readonly folder: string; readonly files?: readonly string[]; readonly book?: RecipeBook },
): Promise<OpenedAttacks> {
  const read = files.length === 0 ? book : await readRecipeFiles(files.map((file) => resolve(folder, file)));
  const opened = new Map<string, Recipe>();
  for (const name of names.filter(isCustom)) opened.set(name, { ...(await openCustom(name, folder)), name });
  const known = { recipes: [...read.recipes, ...opened.values()], suites: read.suites };
  // Norm and classes change the members of suites, which name no files.
  const grounded = new Map<string, Recipe>();
  const plain = names.filter((name) => !read.suites.some((suite) => suite.name === name));
  for (const { name, ...recipe } of chooseAttacks(plain, { norm: 'linf', classes: Infinity }, known).recipes)
    grounded.set(name, await ground({ name, ...recipe }, folder));
  return {
    for(subject) {
      const { suites, recipes } = chooseAttacks(names, subject, known);
      return { suites, recipes: recipes.map((recipe) => grounded.get(recipe.name) ?? recipe) };
    },
  };
}
