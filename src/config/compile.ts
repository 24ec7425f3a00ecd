import { resolve } from 'node:path';

import { formatPath } from './mistake.ts';
import type { ConfigMistake } from './mistake.ts';
import { readText } from './read-text.ts';
import { childrenOf, alternativesOf, isSecretNode } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';
import { inlineSecret } from './inline-secret.ts';
import { INSPECT, MASK, Secret } from './secret.ts';
import type { YamlSource } from './yaml-source.ts';

/** Stands for a secret where none is needed; long enough for every rule about length. */
const PLACEHOLDER = 'not-the-secret-'.repeat(4);

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
  /** False: references are not followed, and every secret is a placeholder. */
  readonly followSecrets: boolean;
  readonly source: YamlSource;
  readonly mistakes: ConfigMistake[];
  /** Texts that came from a reference: their objects print without them. */
  readonly hidden: Set<string>;
  /** Secrets that a mistake was already reported for. */
  readonly failed: Set<string>;
}

/**
 * First half: replaces `{ env: NAME }` and `{ file: PATH }` by the text they name, where a room's schema wants text. Such
 * a text that is written in the file itself is a mistake.
 */
export function revealReferences(
  value: unknown,
  nodes: readonly SchemaNode[],
  path: readonly PropertyKey[],
  context: CompileContext,
): unknown {
  const mode = nodes.find((node) => node.reference !== undefined)?.reference;
  if (mode !== undefined) return revealText(value, mode, path, context);
  if (Array.isArray(value))
    return value.map((item, i) => revealReferences(item, childNodes(nodes, value, i), [...path, i], context));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      revealReferences(member, childNodes(nodes, value, key), [...path, key], context),
    ]),
  );
}

function revealText(
  value: unknown,
  mode: 'required' | 'allowed',
  path: readonly PropertyKey[],
  context: CompileContext,
): unknown {
  const name = formatPath(path);
  if (typeof value === 'string' && mode === 'required') {
    context.failed.add(name);
    context.mistakes.push(inlineSecret(path, context.source));
    return undefined;
  }
  const resolved = resolveSecret(value, path, context);
  if (!(resolved instanceof Secret)) return resolved;
  context.hidden.add(name);
  return resolved.reveal();
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
  return Object.freeze(hideSecrets(Object.fromEntries(entries) as object, path, context));
}

/** Objects that hold a secret text print it masked, in JSON and when inspected. */
function hideSecrets(object: object, path: readonly PropertyKey[], { hidden }: CompileContext): object {
  const secrets = Object.keys(object).filter((key) => hidden.has(formatPath([...path, key])));
  if (secrets.length === 0) return object;
  const masked = { ...object, ...Object.fromEntries(secrets.map((key) => [key, MASK])) };
  const print = { value: (): object => masked };
  return Object.defineProperties(object, { toJSON: print, [INSPECT]: print });
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
  if (!context.followSecrets && ('env' in value || 'file' in value)) return new Secret(PLACEHOLDER);
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
  { source, mistakes, failed }: CompileContext,
): void {
  const name = formatPath(path);
  // A value that stays unresolved is met again when its section is compiled.
  if (failed.has(name)) return;
  failed.add(name);
  mistakes.push({ path: name, ...source.placeOf(path), rule: 'secret', expected, got });
}
