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

/**
 * Identity of a recipe: hash of its canonical JSON without the name, 16 hex digits. A file that it names counts by its
 * content, not by where it lies.
 */
export function recipeId({ attack, parameters }: Recipe): string {
  const entries = Object.entries(parameters).map(([key, value]) => [key, contentOnly(value)] as const);
  return hashJson({ attack: contentOnly(attack), parameters: Object.fromEntries<Parameter>(entries) }).slice(
    0,
    16,
  );
}

/** `path#hash` as recipes name a file, and the first 16 hex digits of its SHA-256. */
export function withContent(path: string, sha256: string): string {
  return `${path}#${sha256.slice(0, 16)}`;
}

/** The two halves of `path#hash`; no hash where the content has not been looked at. */
export function splitContent(reference: string): { readonly path: string; readonly hash?: string } {
  const match = /^(.*)#([0-9a-f]{16})$/s.exec(reference);
  return match === null ? { path: reference } : { path: match[1]!, hash: match[2]! };
}

/** References are separated by semicolons; what is no reference stays as it is. */
function contentOnly<T extends Parameter>(value: T): T | string {
  if (typeof value !== 'string' || !value.includes('#')) return value;
  return value
    .split(';')
    .map((part) => {
      const { hash } = splitContent(part);
      return hash === undefined ? part : `#${hash}`;
    })
    .join(';');
}

/** `name@id` with the first 8 hex digits of the id: how a recipe is written in labels, tables and alerts. */
export function recipeLabel(recipe: Recipe): string {
  return `${recipe.name}@${recipeId(recipe).slice(0, 8)}`;
}
