import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import type { JsonValue } from './lenient-json.ts';
import { float32Answer, float32Text, float64Text } from './number-text.ts';

/** Values of a tensor in row-major order. */
export type TensorData =
  | { readonly kind: 'number'; readonly values: Float32Array | Float64Array }
  | { readonly kind: 'boolean'; readonly values: readonly boolean[] }
  | { readonly kind: 'string'; readonly values: readonly string[] }
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] };

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** TensorFlow's own limit. */
const MAX_RANK = 254;

type Leaf = number | boolean | string | Uint8Array;
type LeafKind = 'number' | 'boolean' | 'string' | 'bytes';

/** Collects the leaves of several equally shaped JSON values into one tensor. */
export interface TensorBuilder {
  /** Adds one value; `where` is its path for messages. The first value decides shape and kind. */
  add(value: JsonValue, where: string): Decoded<undefined>;
  /** The tensor of everything added: stacked along a new first dimension, or the single value itself. */
  stacked(): Tensor;
  single(): Tensor;
}

/** @param dtype what the signature asks for (`DT_FLOAT`); absent: whatever the first leaf is */
export function createTensorBuilder(dtype?: string): TensorBuilder {
  const leaves: Leaf[] = [];
  let shape: readonly number[] | undefined;
  let count = 0;
  return {
    add(value, where) {
      const found = denseShape(value);
      if (found.length > MAX_RANK)
        return undecodable({ where, expected: `at most ${MAX_RANK} dimensions`, got: `${found.length}` });
      const filled = fill({ shape: found, leaves, dtype }, value, 0, where);
      if (!filled.ok) return filled;
      shape ??= found;
      if (!sameShape(shape, found)) return shapeMismatch(shape, found, where);
      count += 1;
      return filled;
    },
    stacked: () => ({ shape: [count, ...(shape ?? [])], data: typed(leaves) }),
    single: () => ({ shape: shape ?? [], data: typed(leaves) }),
  };
}

/** Reads one nested JSON value as a tensor. */
export function tensorOf(value: JsonValue, where: string, dtype?: string): Decoded<Tensor> {
  const builder = createTensorBuilder(dtype);
  const added = builder.add(value, where);
  return added.ok ? decoded(builder.single()) : added;
}

/** `{"b64": "…"}` and nothing else. */
export function isBase64Object(value: JsonValue | undefined): value is { readonly b64: string } {
  if (!isObject(value)) return false;
  return typeof value.b64 === 'string' && Object.keys(value).length === 1;
}

export function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return value !== null && typeof value === 'object' && !isArray(value);
}

/** Array.isArray that narrows a readonly array. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** How numbers are written: as short as possible, or as an answer of TensorFlow Serving (whole numbers end in `.0`). */
export type NumberStyle = 'shortest' | 'answer';

/** JSON text of each slice along dimension 0. */
export function sliceTexts(tensor: Tensor, style: NumberStyle = 'shortest'): string[] {
  const [count = 0, ...inner] = tensor.shape;
  const size = inner.reduce((product, side) => product * side, 1);
  const writer = { strides: stridesOf(inner), leaf: leafWriter(tensor.data, style) };
  return Array.from({ length: count }, (_, row) => nested(writer, row * size, 0));
}

/** JSON text of a whole tensor. */
export function tensorText(tensor: Tensor, style: NumberStyle = 'shortest'): string {
  return nested({ strides: stridesOf(tensor.shape), leaf: leafWriter(tensor.data, style) }, 0, 0);
}

function leafWriter(data: TensorData, style: NumberStyle): (index: number) => string {
  switch (data.kind) {
    case 'number': {
      const { values } = data;
      const text =
        values instanceof Float64Array ? float64Text : style === 'answer' ? float32Answer : float32Text;
      return (index) => text(values[index]!);
    }
    case 'boolean':
    case 'string':
      return (index) => JSON.stringify(data.values[index]);
    case 'bytes':
      return (index) => `{"b64":"${Buffer.from(data.values[index]!).toString('base64')}"}`;
  }
}

interface NestedWriter {
  readonly strides: readonly { readonly side: number; readonly stride: number }[];
  readonly leaf: (index: number) => string;
}

function stridesOf(shape: readonly number[]): NestedWriter['strides'] {
  return shape.map((side, level) => ({
    side,
    stride: shape.slice(level + 1).reduce((product, inner) => product * inner, 1),
  }));
}

function nested(writer: NestedWriter, start: number, level: number): string {
  const dimension = writer.strides[level];
  if (dimension === undefined) return writer.leaf(start);
  let text = '';
  for (let i = 0; i < dimension.side; i++)
    text += (i === 0 ? '' : ',') + nested(writer, start + i * dimension.stride, level + 1);
  return `[${text}]`;
}

/** Shape along the first elements; whether the others agree is checked while filling. */
function denseShape(value: JsonValue): number[] {
  const shape: number[] = [];
  let inner: JsonValue | undefined = value;
  while (isArray(inner) && shape.length <= MAX_RANK) {
    shape.push(inner.length);
    inner = inner[0];
  }
  return shape;
}

interface Filling {
  readonly shape: readonly number[];
  readonly leaves: Leaf[];
  readonly dtype: string | undefined;
}

function fill(filling: Filling, value: JsonValue, level: number, where: string): Decoded<undefined> {
  const rank = filling.shape.length;
  if (!isArray(value)) {
    if (level === rank) return addLeaf(filling, value, where);
    return undecodable({
      where,
      expected: `a list (${rank} levels deep)`,
      got: printed(value),
      message: `JSON Value: ${printed(value)} found at incorrect level: ${level + 1} in the JSON DOM. Expected at level: ${rank}`,
    });
  }
  if (level >= rank) {
    const message = `Encountered list at unexpected level: ${level} expected < ${rank}`;
    return undecodable({ where, expected: 'a value', got: printed(value), message });
  }
  const side = filling.shape[level]!;
  if (value.length !== side) {
    const message = `Encountered list at unexpected size: ${value.length} at level: ${level} expected size: ${side}`;
    return undecodable({ where, expected: `a list of ${side}`, got: `a list of ${value.length}`, message });
  }
  for (let i = 0; i < side; i++) {
    const member = value[i]!;
    // Numbers are by far the most common: they are taken without building their path.
    if (level === rank - 1 && typeof member === 'number' && isPlainNumber(filling, member)) {
      filling.leaves.push(member);
      continue;
    }
    const filled = fill(filling, member, level + 1, `${where}[${i}]`);
    if (!filled.ok) return filled;
  }
  return decoded(undefined);
}

function isPlainNumber({ leaves, dtype }: Filling, value: number): boolean {
  if (dtype === undefined) return leaves.length === 0 || typeof leaves[0] === 'number';
  return dtype === 'DT_FLOAT' && fitsFloat32(value);
}

function addLeaf(filling: Filling, value: JsonValue, where: string): Decoded<undefined> {
  const leaf = leafOf(value);
  const { leaves, dtype } = filling;
  if (leaf === undefined || (dtype !== undefined && !fits(leaf, dtype)))
    return typeProblem(value, dtype ?? 'a number, string, boolean or {"b64": …}', where);
  if (typeof leaf === 'number' && dtype === 'DT_FLOAT' && !fitsFloat32(leaf)) {
    const message = `Cannot convert JSON value: ${printed(value)} to float without loss of precision.`;
    return undecodable({ where, expected: 'a number within float32', got: printed(value), message });
  }
  const first = leaves[0];
  if (first !== undefined && !mixes(leafKind(first), leafKind(leaf)))
    return typeProblem(value, `a ${leafKind(first)} like the values before it`, where);
  leaves.push(leaf);
  return decoded(undefined);
}

function typeProblem(value: JsonValue, expected: string, where: string): Decoded<never> {
  const message = `JSON Value: ${printed(value)} Type: ${jsonType(value)} is not of expected type: ${typeName(expected)}`;
  return undecodable({ where, expected, got: printed(value), message });
}

function typeName(dtype: string): string {
  return dtype.startsWith('DT_') ? dtype.slice(3).toLowerCase() : dtype;
}

function jsonType(value: JsonValue): string {
  if (value === null) return 'Null';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (isArray(value)) return 'Array';
  return { string: 'String', number: 'Number', object: 'Object' }[typeof value as 'string'];
}

function leafOf(value: JsonValue): Leaf | undefined {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (!isBase64Object(value) || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value.b64)) return undefined;
  return Buffer.from(value.b64, 'base64');
}

function leafKind(leaf: Leaf): LeafKind {
  if (typeof leaf === 'object') return 'bytes';
  return typeof leaf as 'number' | 'boolean' | 'string';
}

/** TensorFlow's string tensors take text and base64 objects side by side. */
function mixes(a: LeafKind, b: LeafKind): boolean {
  const textual = (kind: LeafKind): boolean => kind === 'string' || kind === 'bytes';
  return a === b || (textual(a) && textual(b));
}

function fits(leaf: Leaf, dtype: string): boolean {
  switch (leafKind(leaf)) {
    case 'number':
      if (dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE' || dtype === 'DT_HALF') return true;
      return /^DT_U?INT\d+$/.test(dtype) && Number.isInteger(leaf);
    case 'boolean':
      return dtype === 'DT_BOOL';
    case 'string':
    case 'bytes':
      return dtype === 'DT_STRING';
  }
}

const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

function fitsFloat32(value: number): boolean {
  return !Number.isFinite(value) || Math.abs(value) <= FLOAT32_MAX;
}

function typed(leaves: readonly Leaf[]): TensorData {
  const kinds = new Set(leaves.map(leafKind));
  if (kinds.has('bytes')) {
    const values = leaves.map((leaf) => (typeof leaf === 'object' ? leaf : Buffer.from(String(leaf))));
    return { kind: 'bytes', values };
  }
  if (kinds.has('string')) return { kind: 'string', values: leaves as readonly string[] };
  if (kinds.has('boolean')) return { kind: 'boolean', values: leaves as readonly boolean[] };
  return { kind: 'number', values: Float64Array.from(leaves as readonly number[]) };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

function shapeMismatch(expected: readonly number[], got: readonly number[], where: string): Decoded<never> {
  const size = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
  const message =
    size(expected) === size(got)
      ? `Expecting shape [${expected.join(',')}] but got: [${got.join(',')}]`
      : `Expecting tensor size: ${size(expected)} but got: ${size(got)}`;
  return undecodable({
    where,
    expected: `shape [${expected.join(',')}]`,
    got: `[${got.join(',')}]`,
    message,
  });
}
