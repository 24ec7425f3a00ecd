import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { customAttackKey, isCustom, loadCustomAttack } from '../attacks/custom.ts';
import { presetRecipe } from '../attacks/presets.ts';
import { invalid, parsePack, type RecipePack, type RecipeSuite } from '../attacks/recipe-pack.ts';
import { hasCode, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import { splitContent, withContent, type Recipe } from '../domain/recipe.ts';
import { findSuite } from './suites.ts';

/** Recipes and suites beyond the built-in ones, by names that none of those has. */
export interface RecipeBook {
  readonly recipes: readonly Recipe[];
  readonly suites: readonly RecipeSuite[];
}

export const EMPTY_BOOK: RecipeBook = { recipes: [], suites: [] };

/**
 * Reads recipe files, JSON or YAML. What they name (modules, archives, models) is looked for from their own folder, and
 * its content becomes part of the recipe.
 *
 * @throws {AppError} TEMPER_RECIPES_INVALID | TEMPER_ATTACK_MODULE | TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER
 */
export async function readRecipeFiles(files: readonly string[]): Promise<RecipeBook> {
  const packs: RecipePack[] = [];
  for (const file of files) packs.push(await readPack(resolve(file)));
  return bookOf(packs);
}

/** One file as a pack, ready to run. */
export async function readPack(file: string): Promise<RecipePack> {
  const folder = dirname(file);
  const value = parseText(await readText(file), file);
  await loadModules(value, folder);
  const pack = parsePack(await withModuleKeys(value, folder), file);
  const recipes = await Promise.all(pack.recipes.map((recipe) => ground(recipe, folder)));
  const byName = new Map(recipes.map((recipe) => [recipe.name, recipe]));
  const suites = pack.suites.map((suite) => ({
    ...suite,
    recipes: suite.recipes.map(({ name }) => byName.get(name)!),
  }));
  return { ...pack, recipes, suites };
}

/**
 * Packs as one book.
 * @throws {AppError} TEMPER_RECIPES_INVALID when two things have one name, or something has the name of a built-in one
 */
export function bookOf(packs: readonly RecipePack[]): RecipeBook {
  const seen = new Map<string, string>();
  for (const { name: pack, recipes, suites } of packs) {
    for (const { name } of [...recipes, ...suites]) {
      if (isBuiltIn(name))
        throw invalid(`pack ${pack}`, `"${name}" is the name of a built-in recipe or suite`);
      const other = seen.get(name);
      if (other !== undefined) throw invalid(`pack ${pack}`, `"${name}" is in pack ${other} already`);
      seen.set(name, pack);
    }
  }
  return { recipes: packs.flatMap(({ recipes }) => recipes), suites: packs.flatMap(({ suites }) => suites) };
}

function isBuiltIn(name: string): boolean {
  if (findSuite(name) !== undefined) return true;
  try {
    presetRecipe(name);
    return true;
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_ATTACK_UNKNOWN')) return false;
    return hasCode(caught, 'TEMPER_ATTACK_PARAMETER');
  }
}

/** Parameters that name files or models; the path becomes absolute and gets the hash of the content. */
const REFERENCES: Readonly<
  Record<string, { readonly key: string; readonly hash: (path: string) => Promise<string> }>
> = {
  precomputed: { key: 'file', hash: async (path) => sha256(await readBytes(path)) },
  transfer: { key: 'surrogates', hash: hashOfModel },
};

/**
 * A recipe whose references say what they stand for, wherever it is run from now on.
 * @throws {AppError} TEMPER_RECIPES_INVALID when a file cannot be read | what reading a model throws
 */
export async function ground(recipe: Recipe, folder: string): Promise<Recipe> {
  const reference = REFERENCES[recipe.attack];
  const named = reference === undefined ? undefined : recipe.parameters[reference.key];
  if (reference === undefined || typeof named !== 'string') return recipe;
  const parts = await Promise.all(
    named.split(';').map(async (part) => {
      const path = resolve(folder, splitContent(part.trim()).path);
      return withContent(path, await reference.hash(path));
    }),
  );
  return { ...recipe, parameters: { ...recipe.parameters, [reference.key]: parts.join(';') } };
}

/** The recipe of a custom attack by `module:<path>[?key=value&…]`, loaded. */
export async function openCustom(name: string, folder: string): Promise<Recipe> {
  const [reference = '', query = ''] = name.split(/\?(.*)/s);
  const key = await customAttackKey(reference, folder);
  await loadCustomAttack(key);
  return presetRecipe(`${key}?${query}`);
}

async function hashOfModel(path: string): Promise<string> {
  const { modelRefOf } = await import('../models/artifact.ts');
  return (await modelRefOf(path)).sha256;
}

/** The recipes of a raw pack, as far as they are there: the schema reports the rest. */
function rawRecipes(value: unknown): { attack?: unknown }[] {
  const recipes = (value as { recipes?: unknown } | null)?.recipes;
  return Array.isArray(recipes) ? (recipes as { attack?: unknown }[]) : [];
}

async function loadModules(value: unknown, folder: string): Promise<void> {
  for (const { attack } of rawRecipes(value))
    if (typeof attack === 'string' && isCustom(attack))
      await loadCustomAttack(await customAttackKey(attack, folder));
}

async function withModuleKeys(value: unknown, folder: string): Promise<unknown> {
  if (!rawRecipes(value).some(({ attack }) => typeof attack === 'string' && isCustom(attack))) return value;
  const recipes = await Promise.all(
    rawRecipes(value).map(async (recipe) =>
      typeof recipe.attack === 'string' && isCustom(recipe.attack)
        ? { ...recipe, attack: await customAttackKey(recipe.attack, folder) }
        : recipe,
    ),
  );
  return { ...(value as object), recipes };
}

/** @throws {AppError} TEMPER_RECIPES_INVALID */
export function parseText(text: string, where: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 }) as unknown;
  } catch (caught) {
    throw invalid(where, `expected JSON or YAML: ${toError(caught).message}`);
  }
}

async function readText(file: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(file));
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((caught: unknown) => {
    throw invalid(file, `expected a file that can be read: ${toError(caught).message}`);
  });
}
