import { Document } from 'yaml';

import { rootNodeOf } from './load-sections.ts';
import type { SectionSet } from './load-sections.ts';
import { alternativesOf, isSecretNode } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';

const WIDTH = 100;

/**
 * A commented configuration made from the schema: every key with its description; keys with a default or an example
 * are set, the others are there as comments. What it prints, the loader accepts.
 */
export function exampleConfig(set: SectionSet): string {
  const root = rootNodeOf(set);
  const examples = set.examples ?? {};
  const head = [
    '# Configuration of Temper. Every key is here with its description; a key that is commented out is optional.',
    '# Check it with `temper config check`; test what it names with `temper doctor`.',
    '# Secrets are named, never written: { env: NAME } or { file: PATH }. Relative paths start at the folder of this file.',
  ];
  const body = Object.entries(root.properties ?? {}).flatMap(([key, node]) => [
    '',
    ...memberLines(key, node, {
      path: key,
      indent: '',
      required: root.required?.includes(key) ?? false,
      examples,
    }),
  ]);
  return [...head, ...body, ''].join('\n');
}

interface Place {
  /** Dotted. */
  readonly path: string;
  readonly indent: string;
  readonly required: boolean;
  readonly examples: Readonly<Record<string, unknown>>;
  /** Default of the map that the key is in: it goes before the key's own. */
  readonly preset?: Readonly<Record<string, unknown>> | undefined;
}

/** Comment and value of one key. */
function memberLines(key: string, node: SchemaNode, place: Place): readonly string[] {
  const comment = commentLines(node.description ?? '', place.indent);
  const alternatives = alternativesOf(node).filter((branch) => branch.properties !== undefined);
  if (node.inline === true) return [...comment, ...inlineLines(key, node, place)];
  const hasMembers = alternatives.length > 0 && !isSecretNode(node);
  if (!hasMembers) return [...comment, ...(listLines(key, node, place) ?? leafLines(key, node, place))];
  const preset = objectOf(place.preset?.[key]) ?? objectOf(node.default);
  const first = alternatives.find((branch) => hasConstants(branch, preset ?? {})) ?? alternatives[0]!;
  const others = alternatives.filter((branch) => branch !== first);
  const inside = { ...place, preset, indent: `${place.indent}  ` };
  const { indent } = inside;
  const members = objectLines(first, inside);
  // An object whose members are all comments is a comment too: a key without a value would be a mistake.
  const inactive =
    members.every(isComment) ||
    (!place.required && node.default === undefined && alternatives.every(needsInput));
  const lines = [`${place.indent}${key}:`, ...members];
  const variants = others.flatMap((branch) => [
    `${indent}# or:`,
    ...commentOut(objectLines(branch, { ...inside, preset: undefined }), indent),
  ]);
  return [...comment, ...(inactive ? commentOut(lines, place.indent) : lines), ...variants];
}

/** Several ways to write a value, each on a line of its own; all are comments, since such a key is optional. */
function inlineLines(key: string, { examples = [] }: SchemaNode, { indent }: Place): readonly string[] {
  return examples.map((value, i) => `${indent}# ${i === 0 ? key : 'or'}: ${flow(value)}`);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
}

/** Whether a value is of this branch of a union: it has the branch's constants (`kind: pgd`). */
function hasConstants(branch: SchemaNode, value: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(branch.properties ?? {}).every(
    ([key, child]) => child.const === undefined || child.const === value[key],
  );
}

/** A list of maps: one entry, written out. */
function listLines(key: string, node: SchemaNode, place: Place): readonly string[] | undefined {
  const item = typeof node.items === 'object' ? node.items : undefined;
  if (item?.properties === undefined) return undefined;
  const { indent } = place;
  const inside = { ...place, preset: undefined, indent: `${indent}    `, path: `${place.path}.*` };
  const members = objectLines(item, inside);
  // The dash stands before the first member that is set.
  const first = members.findIndex((line) => !isComment(line));
  const entry = members.map((line, i) => (i === first ? `${indent}  - ${line.trimStart()}` : line));
  const lines = [`${indent}${key}:`, ...entry];
  return place.required || node.shown === true ? lines : commentOut(lines, indent);
}

function objectLines(node: SchemaNode, place: Place): readonly string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    memberLines(key, child, {
      ...place,
      path: `${place.path}.${key}`,
      required: node.required?.includes(key) ?? false,
    }),
  );
}

/** A value that needs no further keys. Optional keys without a default are shown as comments. */
function leafLines(key: string, node: SchemaNode, place: Place): readonly string[] {
  const { indent, required, path, examples, preset } = place;
  const value =
    node.const ?? preset?.[key] ?? node.default ?? examples[path] ?? node.examples?.[0] ?? placeholder(node);
  const line = `${indent}${key}: ${flow(value)}`;
  return required || node.default !== undefined || preset?.[key] !== undefined
    ? [line]
    : commentOut([line], indent);
}

/** Something of the right type, for keys that nobody gave an example. */
function placeholder(node: SchemaNode): unknown {
  if (isSecretNode(node)) return { env: 'NAME' };
  const branch = alternativesOf(node)[0] ?? node;
  if (branch.const !== undefined) return branch.const;
  if (branch.enum !== undefined) return branch.enum[0];
  switch (branch.type) {
    case 'number':
    case 'integer':
      return branch.minimum ?? branch.exclusiveMinimum ?? 1;
    case 'boolean':
      return false;
    case 'array':
      return typeof branch.items === 'object' ? [placeholder(branch.items)] : [];
    case 'object':
      return {};
    case undefined:
    default:
      return 'value';
  }
}

function needsInput(node: SchemaNode): boolean {
  return (node.required ?? []).length > 0;
}

/** One line of YAML. */
function flow(value: unknown): string {
  const document = new Document(value);
  const text = document.toString({ collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false });
  return text.trimEnd();
}

function commentLines(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + 2 + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((part) => `${indent}# ${part}`);
}

function commentOut(lines: readonly string[], indent: string): readonly string[] {
  return lines.map((line) => (isComment(line) ? line : `${indent}# ${line.slice(indent.length)}`));
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}
