import { z } from 'zod';

/** The part of JSON Schema that Temper's sections produce and that the loader, the hints and the example read. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode | boolean;
  readonly prefixItems?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** Set with `.meta({ path: true })`: a file or folder, taken relative to the configuration file. */
  readonly path?: boolean;
  /** Set with `.meta({ secret: true })`: text that must be given as `{ env: NAME }` or `{ file: PATH }`. */
  readonly secret?: boolean;
  /** Set with `.meta({ inline: true })`: the example shows its examples, one a line, instead of its keys. */
  readonly inline?: boolean;
  /** Set with `.meta({ shown: true })`: an optional list of maps that the example sets all the same. */
  readonly shown?: boolean;
  /** Set by marks: text that is read through a reference before its room's schema sees it. */
  readonly reference?: 'required' | 'allowed';
}

/** JSON Schema (draft 2020-12) of what a person writes, defaults included. */
export function schemaNodeOf(schema: z.ZodType): SchemaNode {
  // A zod schema and its JSON Schema agree by zod's own tests; the cast narrows to the members read here.
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
}

/** The members of a union, or the node itself. */
export function alternativesOf(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [node];
}

/** Whether a value of this node is written `{ env: NAME }` or `{ file: PATH }`. */
export function isSecretNode(node: SchemaNode): boolean {
  const only = alternativesOf(node)
    .filter((branch) => branch.properties !== undefined)
    .map((branch) => Object.keys(branch.properties ?? {}).join());
  return only.includes('env') && only.includes('file');
}

/** The child nodes that a key or index may mean: several when unions leave it open. */
export function childrenOf(node: SchemaNode, part: PropertyKey): readonly SchemaNode[] {
  return alternativesOf(node).flatMap((branch) => {
    if (branch !== node && branch.anyOf) return childrenOf(branch, part);
    if (typeof part === 'number') {
      const child = branch.prefixItems?.[part] ?? branch.items;
      return typeof child === 'object' ? [child] : [];
    }
    const child = branch.properties?.[String(part)] ?? branch.additionalProperties;
    return typeof child === 'object' ? [child] : [];
  });
}

/** The nodes that a path may mean. */
export function nodesAt(root: SchemaNode, path: readonly PropertyKey[]): readonly SchemaNode[] {
  return path.reduce<readonly SchemaNode[]>(
    (current, part) => current.flatMap((node) => childrenOf(node, part)),
    [root],
  );
}

/** Every key that an object at this place may have. */
export function keysAt(root: SchemaNode, path: readonly PropertyKey[]): readonly string[] {
  const keys = nodesAt(root, path)
    .flatMap(alternativesOf)
    .flatMap((node) => Object.keys(node.properties ?? {}));
  return [...new Set(keys)];
}

/** Every key of the schema as a path, parents before children; lists are entered at 0, maps at `*`, unions are merged. */
export function listKeys(
  node: SchemaNode,
  prefix: readonly PropertyKey[] = [],
): readonly (readonly PropertyKey[])[] {
  if (isSecretNode(node)) return [];
  const found = alternativesOf(node).flatMap((branch) => [
    ...Object.entries(branch.properties ?? {}).flatMap(([key, child]) => [
      [...prefix, key],
      ...listKeys(child, [...prefix, key]),
    ]),
    ...(typeof branch.items === 'object' ? listKeys(branch.items, [...prefix, 0]) : []),
    ...(typeof branch.additionalProperties === 'object'
      ? listKeys(branch.additionalProperties, [...prefix, '*'])
      : []),
  ]);
  const seen = new Map(found.map((path) => [path.map(String).join('.'), path]));
  return [...seen.values()];
}
