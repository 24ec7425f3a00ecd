import { sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { hashJson } from '../domain/hashing.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import { isCustom } from './custom.ts';
import { parseRecipe, recipeSchema } from './recipe.ts';

/**
 * Recipes as a file: what the explorer writes, what a feed brings, and what people write by hand. A pack that travels is
 * sealed: `sha256` is the hash of its canonical JSON without seal and signature, and a signature signs that hash.
 */
export const PACK_SCHEMA = 'temper/recipes/1';

const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/);

const packSchema = z.strictObject({
  schema: z.literal(PACK_SCHEMA).describe('Format of the file.'),
  name: identifier.describe('Name of the pack; a later version replaces an earlier one of the same name.'),
  version: z
    .string()
    .regex(/^\d+(\.\d+){0,2}$/)
    .describe('Version of the pack: one to three whole numbers with dots between; a feed never goes back.'),
  summary: z.string().max(500).default('').describe('What is in it, for people.'),
  recipes: z
    .array(
      recipeSchema.extend({
        id: z
          .string()
          .regex(/^[0-9a-f]{16}$/)
          .exactOptional()
          .describe('Identity that the recipe had when it was written; another one is refused.'),
        found: z.record(z.string(), z.json()).exactOptional().describe('How it was found, for people.'),
      }),
    )
    .min(1)
    .max(1_000),
  suites: z
    .array(
      z.strictObject({
        name: identifier,
        summary: z.string().max(500).default(''),
        recipes: z
          .array(z.string())
          .min(1)
          .describe('Names of recipes of the pack, in the order in which they run.'),
      }),
    )
    .default([]),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional()
    .describe('Hash of the canonical JSON of everything but this and the signature.'),
  signature: z
    .strictObject({ key: identifier, value: z.base64() })
    .exactOptional()
    .describe('Ed25519 signature of the 64 characters of sha256, and the name of the key.'),
});

export interface RecipeSuite {
  readonly name: string;
  /** That of its pack. */
  readonly version: string;
  readonly summary: string;
  readonly recipes: readonly Recipe[];
}

export interface RecipePack {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly recipes: readonly Recipe[];
  readonly suites: readonly RecipeSuite[];
  readonly sha256: string;
  /** Whether the file itself said which hash it has. */
  readonly isSealed: boolean;
  readonly signature?: { readonly key: string; readonly value: string };
}

/** JSON of a pack as it is written. */
export interface PackFile {
  readonly schema: typeof PACK_SCHEMA;
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly recipes: readonly (Recipe & { readonly id: string; readonly found?: Record<string, unknown> })[];
  readonly suites: readonly {
    readonly name: string;
    readonly summary: string;
    readonly recipes: readonly string[];
  }[];
}

/**
 * A pack from parsed JSON or YAML. Attacks that are modules have to be loaded before.
 *
 * @param where names the file, for messages
 * @throws {AppError} TEMPER_RECIPES_INVALID | TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER
 */
export function parsePack(value: unknown, where: string): RecipePack {
  const parsed = packSchema.safeParse(value);
  if (!parsed.success)
    throw invalid(
      where,
      parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`).join('; '),
    );
  const { name, version, summary, sha256, signature } = parsed.data;
  const hash = packHash(value as object); // the schema takes objects only
  if (sha256 !== undefined && sha256 !== hash)
    throw invalid(
      where,
      `expected content with sha256 ${sha256}, got ${hash}: it was changed after it was sealed`,
    );
  const recipes = parsed.data.recipes.map(({ id, name: own, attack, parameters }) => {
    const recipe = parseRecipe({ name: own, attack, parameters });
    if (id === undefined || id === recipeId(recipe)) return recipe;
    throw invalid(
      where,
      `recipe ${recipe.name}: expected id ${id}, got ${recipeId(recipe)}: it means something else here`,
    );
  });
  const byName = new Map(recipes.map((recipe) => [recipe.name, recipe]));
  if (byName.size < recipes.length) throw invalid(where, 'expected recipes with different names');
  const suites = parsed.data.suites.map((suite): RecipeSuite => {
    const missing = suite.recipes.find((member) => !byName.has(member));
    if (missing !== undefined)
      throw invalid(where, `suite ${suite.name}: expected recipes of the pack, got "${missing}"`);
    return { ...suite, version, recipes: suite.recipes.map((member) => byName.get(member)!) };
  });
  return {
    name,
    version,
    summary,
    recipes,
    suites,
    sha256: hash,
    isSealed: sha256 !== undefined,
    ...(signature === undefined ? {} : { signature }),
  };
}

/** Hash of everything but seal and signature. */
export function packHash(value: object): string {
  const content: Record<string, unknown> = { ...value };
  delete content['sha256'];
  delete content['signature'];
  return hashJson(content);
}

/** The file with its seal and, with a private Ed25519 key, a signature. */
export function sealPack(
  file: PackFile,
  signer?: { readonly name: string; readonly key: KeyObject },
): object {
  const content = JSON.parse(JSON.stringify(file)) as object;
  const sha256 = packHash(content);
  if (signer === undefined) return { ...content, sha256 };
  const value = sign(null, Buffer.from(sha256), signer.key).toString('base64');
  return { ...content, sha256, signature: { key: signer.name, value } };
}

/**
 * Whether a pack may come in from outside: sealed, signed by one of the keys where there are any, and without code.
 * @throws {AppError} TEMPER_RECIPES_INVALID saying what is missing
 */
export function assertTrusted(
  pack: RecipePack,
  { keys, where }: { readonly keys: ReadonlyMap<string, KeyObject>; readonly where: string },
): void {
  if (!pack.isSealed) throw invalid(where, 'expected a sealed pack, got one without sha256');
  const code = pack.recipes.find(({ attack }) => isCustom(attack));
  if (code !== undefined)
    throw invalid(
      where,
      `recipe ${code.name}: expected an attack of the catalogue, got a module: a feed brings no code`,
    );
  if (keys.size === 0) return;
  const { signature } = pack;
  const key = signature === undefined ? undefined : keys.get(signature.key);
  const isSigned =
    key !== undefined && verify(null, Buffer.from(pack.sha256), key, Buffer.from(signature!.value, 'base64'));
  if (!isSigned)
    throw invalid(
      where,
      `expected a signature of ${[...keys.keys()].join(' or ')}, got ${signature === undefined ? 'none' : `one of ${signature.key} that does not fit`}`,
    );
}

/** Negative when `a` is the older version. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left![i] ?? 0) - (right![i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function invalid(where: string, problem: string): AppError {
  return new AppError('TEMPER_RECIPES_INVALID', `${where}: ${problem}`);
}
