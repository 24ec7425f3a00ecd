import type { z } from 'zod';

import { compileValue, revealReferences } from './compile.ts';
import type { CompileContext, Compiled } from './compile.ts';
import { explainIssue } from './explain-issue.ts';
import { applyMarks } from './marks.ts';
import type { Marks } from './marks.ts';
import { valueAt } from './describe-value.ts';
import { configError, formatPath } from './mistake.ts';
import type { ConfigMistake } from './mistake.ts';
import { schemaNodeOf } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';
import { parseYaml } from './yaml-source.ts';
import type { YamlSource } from './yaml-source.ts';

/** Top-level keys of the file, each with the schema that its room exports. */
export type Sections = Readonly<Record<string, z.ZodType>>;

export type ConfigOf<S extends Sections> = { readonly [K in keyof S]: Compiled<z.output<S[K]>> };

/** A rule between sections. It sees what the person wrote, unvalidated, and answers with issues. */
export type CrossRule = (raw: Readonly<Record<string, unknown>>) => readonly CrossIssue[];

export interface CrossIssue {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly got: string;
}

/** Sections with what holds between them. */
export interface SectionSet<S extends Sections = Sections> {
  readonly sections: S;
  readonly rules?: readonly CrossRule[];
  readonly marks?: Marks;
  /** Keys whose default is another key's value: `{ 'served.model': 'model.name' }`. Two levels. */
  readonly derived?: Readonly<Record<string, string>>;
  /** What the commented example shows for keys without a default, by dotted path. */
  readonly examples?: Readonly<Record<string, unknown>>;
}

export interface LoadOptions<S extends Sections> extends SectionSet<S> {
  readonly text: string;
  /** Name of the file as the person knows it, for messages. */
  readonly file: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether secrets are looked up; false to check a file where they are not. Default true. */
  readonly followSecrets?: boolean;
}

/**
 * Text to configuration in three stages: text → parsed (zod, strict, defaults filled in) → compiled (secrets, paths) and
 * frozen. Every section is parsed on its own, so that a mistake in one hides none in another.
 *
 * @throws {AppError} TEMPER_CONFIG_INVALID with every mistake in `details.mistakes`
 */
export function loadSections<S extends Sections>(options: LoadOptions<S>): ConfigOf<S> {
  const source = parseYaml(options.text);
  if (source.mistakes.length > 0) throw configError(options.file, source.mistakes);
  const raw = source.value ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw)) throw configError(options.file, [notAMap(source)]);
  const mistakes: ConfigMistake[] = [];
  const context: CompileContext = {
    folder: options.folder,
    env: options.env,
    followSecrets: options.followSecrets ?? true,
    source,
    mistakes,
    hidden: new Set(),
    failed: new Set(),
  };
  const root = rootNodeOf(options);
  const members = derive(raw as Record<string, unknown>, options.derived ?? {});
  const compiled = Object.entries(options.sections).map(([key, schema]) => [
    key,
    loadSection({ key, schema, value: members[key], root, context }),
  ]);
  mistakes.push(...unknownSections(members, source, root));
  mistakes.push(
    ...(options.rules ?? []).flatMap((rule) => rule(members)).map((issue) => placed(issue, source)),
  );
  if (mistakes.length > 0) throw configError(options.file, mistakes);
  // Every member was parsed by its section's schema and compiled by the rule that Compiled describes.
  return Object.freeze(Object.fromEntries(compiled)) as ConfigOf<S>;
}

/** JSON Schema of the whole file. */
export function rootNodeOf({ sections, marks = {}, derived = {} }: SectionSet): SchemaNode {
  const entries = Object.entries(sections).map(([key, schema]) => {
    const members = Object.entries(schemaNodeOf(schema)).filter(([name]) => name !== '$schema');
    return [key, Object.fromEntries(members)] as const;
  });
  const required = Object.keys(sections).filter((key) => !acceptsAbsence(sections[key]!));
  const root = {
    type: 'object',
    properties: Object.fromEntries(entries),
    required,
    additionalProperties: false,
  };
  return relax(applyMarks(root, marks), derived);
}

interface SectionTask {
  readonly key: string;
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly root: SchemaNode;
  readonly context: CompileContext;
}

function loadSection({ key, schema, value, root, context }: SectionTask): unknown {
  const node = root.properties?.[key] ?? {};
  const revealed = revealReferences(value, [node], [key], context);
  const first = schema.safeParse(revealed ?? undefined);
  // A section that is left out, or has no keys, means all defaults; what has none is then named key by key.
  const result = !first.success && (revealed ?? undefined) === undefined ? schema.safeParse({}) : first;
  if (result.success) return compileValue(result.data, [node], [key], context);
  const issues = result.error.issues
    .map((issue) => ({ ...issue, path: [key, ...issue.path] }))
    .filter((issue) => !context.failed.has(formatPath(issue.path)));
  context.mistakes.push(...issues.flatMap((issue) => explainIssue(issue, context.source, root)));
  return compileValue(revealed, [node], [key], context);
}

/** Fills keys that take another key's value by default. */
function derive(
  raw: Readonly<Record<string, unknown>>,
  derived: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return Object.entries(derived).reduce((members, [to, from]) => {
    const [section = '', key = ''] = to.split('.');
    const target = members[section] ?? {};
    const value = valueAt(members, from.split('.'));
    if (
      typeof target !== 'object' ||
      Array.isArray(target) ||
      Object.hasOwn(target, key) ||
      value === undefined
    )
      return members;
    return { ...members, [section]: { ...target, [key]: value } };
  }, raw);
}

/** Derived keys need not be written. */
function relax(root: SchemaNode, derived: Readonly<Record<string, string>>): SchemaNode {
  const properties = Object.entries(root.properties ?? {}).map(([section, node]) => {
    const keys = Object.keys(derived).filter((path) => path.startsWith(`${section}.`));
    const required = node.required?.filter((key) => !keys.includes(`${section}.${key}`));
    return [section, required === undefined ? node : { ...node, required }];
  });
  return { ...root, properties: Object.fromEntries(properties) as Record<string, SchemaNode> };
}

function acceptsAbsence(schema: z.ZodType): boolean {
  return schema.safeParse(undefined).success || schema.safeParse({}).success;
}

function unknownSections(
  raw: Readonly<Record<string, unknown>>,
  source: YamlSource,
  root: SchemaNode,
): readonly ConfigMistake[] {
  const known = root.properties ?? {};
  const keys = Object.keys(raw).filter((key) => !Object.hasOwn(known, key));
  if (keys.length === 0) return [];
  return explainIssue({ code: 'unrecognized_keys', keys, path: [], message: '', input: raw }, source, root);
}

function placed({ path, expected, got }: CrossIssue, source: YamlSource): ConfigMistake {
  return { path: path.map(String).join('.'), ...source.placeOf(path), rule: 'rule', expected, got };
}

function notAMap(source: YamlSource): ConfigMistake {
  return {
    path: '',
    ...source.placeOf([]),
    rule: 'type',
    expected: 'a map of sections (model, threatModel, …)',
    got: Array.isArray(source.value) ? 'a list' : typeof source.value,
  };
}
