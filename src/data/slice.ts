import { createHash } from 'node:crypto';
import { AppError } from '../domain/errors.ts';
import { permutation, type Rng } from '../domain/rng.ts';
import { featureCount } from '../domain/target.ts';

/** Stored values: bytes stand for byte / 255, floats for themselves. */
export type RawInputs = Uint8Array | Float32Array;

/** Labelled examples in memory, as they were read. */
export interface RowStore {
  /** Shape [rows, features]. */
  readonly inputs: RawInputs;
  /** Shape [rows], values 0 … classes − 1. */
  readonly labels: Uint8Array;
  /** Shape of one example, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
}

/** Some examples of a data set in a fixed order. Rows are copied out when asked for; slices share the store. */
export interface DataSlice {
  /** Name it was loaded by, e.g. `mnist:test`; parts keep it and differ in `sha256`. */
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly count: number;
  /** Content address: shape, classes, value type, inputs and labels in order. Computed when first read. */
  readonly sha256: string;
  /** float32 rows (bytes become byte / 255, in [0, 1]) and labels of the given indexes, 0 … count − 1. */
  rows(indexes: ArrayLike<number>): { inputs: Float32Array; labels: Int32Array };
  /** The same rows as they are stored: a quarter of the size when they are bytes. */
  raw(indexes: ArrayLike<number>): { inputs: RawInputs; labels: Int32Array };
  /** Examples from (inclusive) to (exclusive); bounds are cut to 0 … count. */
  slice(from: number, to: number): DataSlice;
  /** The same examples in an order drawn from `rng`. */
  shuffled(rng: Rng): DataSlice;
}

/** Everything of a slice, in order. */
export function allRows(data: DataSlice): { inputs: Float32Array; labels: Int32Array } {
  return data.rows(Uint32Array.from({ length: data.count }, (_, i) => i));
}

/** A slice over the rows of `store` that `indexes` names, in that order. */
export function createSlice(name: string, store: RowStore, indexes: Uint32Array): DataSlice {
  let digest: string | undefined;
  const raw: DataSlice['raw'] = (wanted) => gather(store, resolve(name, indexes, wanted));
  return {
    name,
    inputShape: store.inputShape,
    classes: store.classes,
    count: indexes.length,
    get sha256() {
      digest ??= hashRows(store, indexes);
      return digest;
    },
    rows(wanted) {
      const { inputs, labels } = raw(wanted);
      return { inputs: toFloats(inputs), labels };
    },
    raw,
    slice: (from, to) => createSlice(name, store, indexes.subarray(Math.max(0, from), Math.max(0, from, to))),
    shuffled(rng) {
      const order = permutation(indexes.length, rng);
      return createSlice(
        name,
        store,
        order.map((position) => indexes[position]!),
      );
    },
  };
}

/**
 * Examples of several slices after one another. Bytes stay bytes if all parts are bytes, else all become floats.
 *
 * @throws {AppError} TEMPER_DATA_CORRUPT when the parts differ in shape or number of classes
 */
export function concatSlices(name: string, parts: readonly DataSlice[]): DataSlice {
  const first = parts[0];
  if (first === undefined) throw new AppError('TEMPER_DATA_NOT_FOUND', `Data set ${name} has no parts.`);
  for (const part of parts) checkSameKind(name, first, part);
  const pieces = parts.map((part) => part.raw(Uint32Array.from({ length: part.count }, (_, i) => i)));
  const store: RowStore = {
    inputs: joinInputs(pieces.map((piece) => piece.inputs)),
    labels: Uint8Array.from(pieces.flatMap((piece) => Array.from(piece.labels))),
    inputShape: first.inputShape,
    classes: first.classes,
  };
  return createSlice(
    name,
    store,
    Uint32Array.from({ length: store.labels.length }, (_, i) => i),
  );
}

/** Stored values as floats: bytes become byte / 255. */
export function toFloats(inputs: RawInputs): Float32Array {
  if (inputs instanceof Float32Array) return inputs;
  const floats = new Float32Array(inputs.length);
  for (let i = 0; i < inputs.length; i++) floats[i] = inputs[i]! / 255;
  return floats;
}

/**
 * Content address of rows in a given order.
 * SHA-256 over a JSON header (shape, classes, count, value type), then the inputs row by row (floats little-endian),
 * then the labels. O(values).
 */
export function hashRows(store: RowStore, indexes: Uint32Array): string {
  const hash = createHash('sha256');
  const type = store.inputs instanceof Uint8Array ? 'uint8' : 'float32';
  const { inputShape, classes } = store;
  hash.update(JSON.stringify({ inputShape, classes, count: indexes.length, type }));
  const rowBytes = featureCount(inputShape) * store.inputs.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(store.inputs.buffer, store.inputs.byteOffset, store.inputs.byteLength);
  for (const index of indexes) hash.update(bytes.subarray(index * rowBytes, (index + 1) * rowBytes));
  hash.update(
    indexes.length === 0 ? new Uint8Array() : Uint8Array.from(indexes, (index) => store.labels[index]!),
  );
  return hash.digest('hex');
}

function resolve(name: string, indexes: Uint32Array, wanted: ArrayLike<number>): Uint32Array {
  return Uint32Array.from(wanted, (position) => {
    const index = indexes[position];
    if (index === undefined)
      throw new AppError(
        'TEMPER_DATA_NOT_FOUND',
        `Data set ${name} has examples 0 to ${indexes.length - 1}; example ${position} was asked for.`,
      );
    return index;
  });
}

function gather(store: RowStore, indexes: Uint32Array): { inputs: RawInputs; labels: Int32Array } {
  const features = featureCount(store.inputShape);
  const inputs =
    store.inputs instanceof Uint8Array
      ? new Uint8Array(indexes.length * features)
      : new Float32Array(indexes.length * features);
  indexes.forEach((index, row) => {
    inputs.set(store.inputs.subarray(index * features, (index + 1) * features), row * features);
  });
  return { inputs, labels: Int32Array.from(indexes, (index) => store.labels[index]!) };
}

function joinInputs(parts: readonly RawInputs[]): RawInputs {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const allBytes = parts.every((part) => part instanceof Uint8Array);
  const joined = allBytes ? new Uint8Array(length) : new Float32Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(allBytes ? part : toFloats(part), offset);
    offset += part.length;
  }
  return joined;
}

function checkSameKind(name: string, first: DataSlice, part: DataSlice): void {
  if (part.classes === first.classes && part.inputShape.join() === first.inputShape.join()) return;
  throw new AppError(
    'TEMPER_DATA_CORRUPT',
    `Data set ${name} cannot be put together: ${first.name} has shape [${first.inputShape.join(', ')}] and ` +
      `${first.classes} classes, ${part.name} has [${part.inputShape.join(', ')}] and ${part.classes}.`,
  );
}
