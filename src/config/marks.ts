import { z } from 'zod';

import { schemaNodeOf } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';

/**
 * What the loader must know of a key beyond its room's schema, by dotted path (`*` stands for any key of a map):
 * - `path`: text that is a file or folder, relative to the configuration file. Rooms may say it with `.meta({ path: true })`.
 * - `secret`: text that must be given by reference. Rooms may say it with `.meta({ secret: true })`.
 * - `maybe-secret`: text that may be given by reference.
 */
export type Mark = 'path' | 'secret' | 'maybe-secret';
export type Marks = Readonly<Record<string, Mark>>;

const reference = z.union([
  z.strictObject({ env: z.string().min(1).describe('Name of the environment variable that holds it.') }),
  z.strictObject({ file: z.string().min(1).describe('File that holds it; a last line break is dropped.') }),
]);

/** The schema of a file, with marks applied: secrets are shown as the references that a person writes. */
export function applyMarks(node: SchemaNode, marks: Marks, path = ''): SchemaNode {
  const mark = marks[path] ?? (node.secret === true ? 'secret' : undefined);
  if (mark === 'path') return { ...node, path: true };
  if (mark !== undefined) return referenceNode(node, mark);
  const below = (child: SchemaNode, key: string): SchemaNode =>
    applyMarks(child, marks, path === '' ? key : `${path}.${key}`);
  return {
    ...node,
    ...(node.properties && {
      properties: Object.fromEntries(
        Object.entries(node.properties).map(([key, child]) => [key, below(child, key)]),
      ),
    }),
    ...(typeof node.additionalProperties === 'object' && {
      additionalProperties: below(node.additionalProperties, '*'),
    }),
    ...(typeof node.items === 'object' && { items: below(node.items, '*') }),
    ...(node.anyOf && { anyOf: node.anyOf.map((branch) => applyMarks(branch, marks, path)) }),
    ...(node.oneOf && { oneOf: node.oneOf.map((branch) => applyMarks(branch, marks, path)) }),
  };
}

function referenceNode(node: SchemaNode, mark: 'secret' | 'maybe-secret'): SchemaNode {
  const references = schemaNodeOf(reference).anyOf ?? [];
  const { description, ...text } = node;
  return {
    ...(description !== undefined && { description }),
    anyOf: mark === 'secret' ? references : [text, ...references],
    reference: mark === 'secret' ? 'required' : 'allowed',
  };
}
