/** Reads what NumPy writes with `savez` and `savez_compressed`: zip archives of .npy files. */
import { inflateRawSync } from 'node:zlib';
import { AppError } from '../domain/errors.ts';

export interface ReadArray {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: ArrayLike<number>;
}

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;

/**
 * The arrays of an archive, by name, of one entry's size below 4 GiB.
 * @throws {AppError} TEMPER_DATA_CORRUPT, saying what of the format does not hold
 * @see PKWARE, APPNOTE.TXT 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16
 */
export function decodeNpz(bytes: Uint8Array): ReadonlyMap<string, ReadArray> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrays = new Map<string, ReadArray>();
  try {
    for (const { name, content } of entriesOf(archive))
      arrays.set(name.replace(/\.npy$/, ''), decodeNpy(content));
  } catch (caught) {
    if (caught instanceof RangeError) throw corrupt('a whole zip archive, got one that is cut off');
    throw caught;
  }
  return arrays;
}

interface Entry {
  readonly name: string;
  readonly content: Buffer;
}

/** By the central directory: local headers need not know sizes. */
function entriesOf(archive: Buffer): Entry[] {
  const end = archive.lastIndexOf(Buffer.from('PK\u0005\u0006', 'latin1'));
  if (end < 0 || end + END_BYTES > archive.length || archive.readUInt32LE(end) !== END_SIGNATURE)
    throw corrupt('a zip archive');
  const entries: Entry[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let i = archive.readUInt16LE(end + 10); i > 0; i--) {
    if (archive.readUInt32LE(at) !== CENTRAL_SIGNATURE) throw corrupt('a central directory');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) =>
      archive.readUInt16LE(at + offset),
    );
    const name = archive.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes!);
    entries.push({ name, content: contentOf(archive, at, name) });
    at += CENTRAL_BYTES + nameBytes! + extraBytes! + commentBytes!;
  }
  return entries;
}

function contentOf(archive: Buffer, central: number, name: string): Buffer {
  const method = archive.readUInt16LE(central + 10);
  const size = archive.readUInt32LE(central + 20);
  const local = archive.readUInt32LE(central + 42);
  const start = local + LOCAL_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  if (start + size > archive.length) throw corrupt(`${name} to lie inside the archive`);
  const stored = archive.subarray(start, start + size);
  if (method === 0) return stored;
  if (method === 8) return inflateRawSync(stored);
  throw corrupt(`${name} to be stored or deflated, got method ${method}`);
}

const READERS: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number>>> = {
  '<f4': (buffer) => new Float32Array(buffer),
  '<f8': (buffer) => new Float64Array(buffer),
  '<i4': (buffer) => new Int32Array(buffer),
  '<u4': (buffer) => new Uint32Array(buffer),
  '<i8': (buffer) => Float64Array.from(new BigInt64Array(buffer), Number),
  '|i1': (buffer) => new Int8Array(buffer),
  '|u1': (buffer) => new Uint8Array(buffer),
  '|b1': (buffer) => new Uint8Array(buffer),
};

/**
 * One .npy file, little-endian, row-major, of a type that is a number.
 * @throws {AppError} TEMPER_DATA_CORRUPT
 * @see NumPy, numpy/lib/format.py
 */
export function decodeNpy(bytes: Uint8Array): ReadArray {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 12 || file.toString('latin1', 0, 6) !== '\u0093NUMPY') throw corrupt('a .npy file');
  const isFirst = file[6] === 1;
  const dataAt = isFirst ? 10 + file.readUInt16LE(8) : 12 + file.readUInt32LE(8);
  const header = file.toString('latin1', isFirst ? 10 : 12, dataAt);
  const descriptor = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shapeText = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  const read = READERS[descriptor];
  if (read === undefined || shapeText === undefined || header.includes("'fortran_order': True"))
    throw corrupt(`numbers in row-major order (${Object.keys(READERS).join(', ')}), got ${header.trim()}`);
  const shape = shapeText
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const data = file.subarray(dataAt);
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
  const width = Number(descriptor.slice(2));
  const count = shape.reduce((product, side) => product * side, 1);
  if (buffer.byteLength !== count * width)
    throw corrupt(`${count} values of ${width} bytes, got ${buffer.byteLength} bytes`);
  return { shape, values: read(buffer) };
}

function corrupt(expected: string): AppError {
  return new AppError('TEMPER_DATA_CORRUPT', `NumPy archive: expected ${expected}`);
}
