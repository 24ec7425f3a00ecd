import { resolve } from 'node:path';

import { formatPath } from './mistake.ts';
import type { ConfigMistake } from './mistake.ts';
import { readText } from './read-text.ts';
import { childrenOf, alternativesOf, isSecretNode } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';
import { Secret } from './secret.ts';
import type { YamlSource } from './yaml-source.ts';

type Exactly<T, K extends string> = [keyof T] extends [K] ? true : false;

/** What a parsed value becomes: secret references are `Secret`s, everything is read-only. */
export type Compiled<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends { readonly env: string }
    ? Exactly<T, 'env'> extends true
      ? Secret
      : { readonly [K in keyof T]: Compiled<T[K]> }
    : T extends { readonly file: string }
      ? Exactly<T, 'file'> extends true
        ? Secret
        : { readonly [K in keyof T]: Compiled<T[K]> }
      : { readonly [K in keyof T]: Compiled<T[K]> };

export interface CompileContext {
  /** Folder of the configuration file: relative paths start here. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly source: YamlSource;
  readonly mistakes: ConfigMistake[];
}

/**
 * Second half of loading: resolves secrets and relative paths, and freezes. Secrets that cannot be resolved are added to
 * the context's mistakes. Safe on a value that failed validation: what does not fit the schema is passed through.
 */
export function compileValue(
  value: unknown,
  nodes: readonly SchemaNode[],
  path: readonly PropertyKey[],
  context: CompileContext,
): unknown {
  if (nodes.some(isSecretNode)) return resolveSecret(value, path, context);
  if (typeof value === 'string') return isPathNode(nodes) ? resolve(context.folder, value) : value;
  if (Array.isArray(value))
    return Object.freeze(
      value.map((item, i) => compileValue(item, childNodes(nodes, value, i), [...path, i], context)),
    );
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, member]) => [
    key,
    compileValue(member, childNodes(nodes, value, key), [...path, key], context),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

/** Children under a key, from those union branches whose constants (`kind: file`) the value has. */
function childNodes(nodes: readonly SchemaNode[], value: object, part: PropertyKey): readonly SchemaNode[] {
  const chosen = nodes
    .flatMap(alternativesOf)
    .filter((branch) =>
      Object.entries(branch.properties ?? {}).every(
        ([key, child]) =>
          child.const === undefined || child.const === (value as Record<string, unknown>)[key],
      ),
    );
  return chosen.flatMap((node) => childrenOf(node, part));
}

function isPathNode(nodes: readonly SchemaNode[]): boolean {
  return nodes.flatMap((node) => [node, ...alternativesOf(node)]).some((node) => node.path === true);
}

function resolveSecret(value: unknown, path: readonly PropertyKey[], context: CompileContext): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('env' in value && typeof value.env === 'string') {
    const found = context.env[value.env];
    if (found !== undefined && found !== '') return new Secret(found);
    fail({ expected: `the environment variable ${value.env} to be set`, got: 'nothing' }, path, context);
  } else if ('file' in value && typeof value.file === 'string') {
    const file = resolve(context.folder, value.file);
    const read = readText(file);
    if ('text' in read) return new Secret(read.text.replace(/\r?\n$/, ''));
    fail({ expected: `the file ${file} to be readable`, got: read.problem }, path, context);
  }
  return value;
}

function fail(
  { expected, got }: { expected: string; got: string },
  path: readonly PropertyKey[],
  { source, mistakes }: CompileContext,
): void {
  mistakes.push({ path: formatPath(path), ...source.placeOf(path), rule: 'secret', expected, got });
}
