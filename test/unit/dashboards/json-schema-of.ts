import { resolve } from 'node:path';
import ts from 'typescript';

/** A JSON Schema, as far as it is needed here. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * JSON Schemas of exported types of declaration files, strict: what a type does not name is refused. Optional keys may be
 * missing; types that hold themselves become references. Reading the files is what takes time, so it is done once.
 */
export function createSchemaReader(files: readonly string[]): (file: string, exported: string) => JsonSchema {
  const paths = files.map((file) => resolve(file));
  const program = ts.createProgram(paths, { strict: true, skipLibCheck: true, types: [] });
  return (file, exported) => jsonSchemaOf(program, resolve(file), exported);
}

function jsonSchemaOf(program: ts.Program, path: string, exported: string): JsonSchema {
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(path)!)!;
  const symbol = checker.getExportsOfModule(module).find(({ name }) => name === exported);
  if (symbol === undefined) throw new Error(`expected ${exported} among the exports of ${path}`);
  const definitions: Record<string, JsonSchema> = {};
  const names = new Map<ts.Type, string>();
  const root = schemaOf(checker.getDeclaredTypeOfSymbol(symbol));
  return { ...root, $defs: definitions };

  function schemaOf(type: ts.Type): JsonSchema {
    const { flags } = type;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    if (flags & ts.TypeFlags.StringLiteral) return { const: (type as ts.StringLiteralType).value };
    if (flags & ts.TypeFlags.NumberLiteral) return { const: (type as ts.NumberLiteralType).value };
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === 'true' };
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    if (flags & ts.TypeFlags.Undefined) return { not: {} };
    if (type.isUnion()) return unionOf(type.types);
    if (flags & ts.TypeFlags.String) return { type: 'string' };
    if (flags & ts.TypeFlags.Number) return { type: 'number' };
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    const item = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
    if (item !== undefined) return { type: 'array', items: schemaOf(item) };
    if (flags & ts.TypeFlags.Object || type.isIntersection()) return referenceTo(type);
    throw new Error(`no JSON Schema for ${checker.typeToString(type)}`);
  }

  /** `undefined` is what a missing key is. */
  function unionOf(types: readonly ts.Type[]): JsonSchema {
    const present = types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    const [first, ...others] = present.map(schemaOf);
    if (first === undefined) return { not: {} };
    return others.length === 0 ? first : { anyOf: [first, ...others] };
  }

  function referenceTo(type: ts.Type): JsonSchema {
    let name = names.get(type);
    if (name === undefined) {
      name = `type${names.size}`;
      names.set(type, name);
      definitions[name] = objectOf(type);
    }
    return { $ref: `#/$defs/${name}` };
  }

  function objectOf(type: ts.Type): JsonSchema {
    const members = checker.getPropertiesOfType(type);
    const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    const isOptional = (member: ts.Symbol): boolean => (member.flags & ts.SymbolFlags.Optional) !== 0;
    return {
      type: 'object',
      title: checker.typeToString(type),
      properties: Object.fromEntries(
        members.map((member) => [member.name, schemaOf(checker.getTypeOfSymbol(member))]),
      ),
      required: members.filter((member) => !isOptional(member)).map(({ name }) => name),
      additionalProperties: index === undefined ? members.length === 0 : schemaOf(index.type),
    };
  }
}
