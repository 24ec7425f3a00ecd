import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import type { JsonValue } from './lenient-json.ts';

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
      const failure = fill({ shape: found, leaves, dtype, where, path: [] }, value, 0);
      if (failure !== undefined) return failure;
      shape ??= found;
      if (!sameShape(shape, found)) return shapeMismatch(shape, found, where);
      count += 1;
      return decoded(undefined);
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
  /** Place of the whole value, and the indexes inside it by level: made into text only when something is wrong. */
  readonly where: string;
  readonly path: number[];
}

type Failure = Decoded<never> & { ok: false };

function placeOf({ where, path }: Filling, level: number): string {
  return `${where}${path
    .slice(0, level)
    .map((index) => `[${index}]`)
    .join('')}`;
}

/** Adds every leaf, or says what is wrong. Runs once per list, so it builds no text and no objects on the way. */
function fill(filling: Filling, value: JsonValue, level: number): Failure | undefined {
  const { shape, leaves, path } = filling;
  const rank = shape.length;
  if (!isArray(value))
    return level === rank ? addLeaf(filling, value, level) : leafTooEarly(filling, value, level);
  const side = shape[level];
  if (side === undefined || value.length !== side) return wrongList(filling, value, level);
  const innermost = level === rank - 1;
  for (let i = 0; i < side; i++) {
    const member = value[i]!;
    if (innermost && typeof member === 'number' && isPlainNumber(filling, member)) {
      leaves.push(member);
      continue;
    }
    path[level] = i;
    const failure = fill(filling, member, level + 1);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function leafTooEarly(filling: Filling, value: JsonValue, level: number): Failure {
  const rank = filling.shape.length;
  return undecodable({
    where: placeOf(filling, level),
    expected: `a list (${rank} levels deep)`,
    got: printed(value),
    message: `JSON Value: ${printed(value)} found at incorrect level: ${level + 1} in the JSON DOM. Expected at level: ${rank}`,
  });
}

function wrongList(filling: Filling, value: readonly JsonValue[], level: number): Failure {
  const where = placeOf(filling, level);
  const side = filling.shape[level];
  if (side === undefined) {
    const message = `Encountered list at unexpected level: ${level} expected < ${filling.shape.length}`;
    return undecodable({ where, expected: 'a value', got: printed(value), message });
  }
  const message = `Encountered list at unexpected size: ${value.length} at level: ${level} expected size: ${side}`;
  return undecodable({ where, expected: `a list of ${side}`, got: `a list of ${value.length}`, message });
}

function isPlainNumber({ leaves, dtype }: Filling, value: number): boolean {
  if (dtype === undefined) return leaves.length === 0 || typeof leaves[0] === 'number';
  return dtype === 'DT_FLOAT' && fitsFloat32(value);
}

function addLeaf(filling: Filling, value: JsonValue, level: number): Failure | undefined {
  const leaf = leafOf(value);
  const { leaves, dtype } = filling;
  if (leaf === undefined || (dtype !== undefined && !fits(leaf, dtype)))
    return typeProblem(value, dtype ?? 'a number, string, boolean or {"b64": …}', placeOf(filling, level));
  if (typeof leaf === 'number' && dtype === 'DT_FLOAT' && !fitsFloat32(leaf)) {
    const got = printed(value);
    const message = `Cannot convert JSON value: ${got} to float without loss of precision.`;
    return undecodable({ where: placeOf(filling, level), expected: 'a number within float32', got, message });
  }
  const first = leaves[0];
  if (first !== undefined && !mixes(leafKind(first), leafKind(leaf)))
    return typeProblem(value, `a ${leafKind(first)} like the values before it`, placeOf(filling, level));
  leaves.push(leaf);
  return undefined;
}

function typeProblem(value: JsonValue, expected: string, where: string): Failure {
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

/** Leaves of one kind, or text and bytes side by side, which are then all bytes. */
function typed(leaves: readonly Leaf[]): TensorData {
  const [first] = leaves;
  if (first === undefined || typeof first === 'number')
    return { kind: 'number', values: new Float64Array(leaves as readonly number[]) };
  if (typeof first === 'boolean') return { kind: 'boolean', values: leaves as readonly boolean[] };
  if (leaves.every((leaf) => typeof leaf === 'string')) return { kind: 'string', values: leaves };
  const values = leaves.map((leaf) => (typeof leaf === 'object' ? leaf : Buffer.from(String(leaf))));
  return { kind: 'bytes', values };
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
