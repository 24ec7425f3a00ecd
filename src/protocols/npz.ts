/** NumPy's archive of arrays: a zip file, nothing compressed, with one .npy file (format 1.0) per array. */
import { crc32 } from 'node:zlib';

/** An array as NumPy will see it. Uint8Array is read as bool with `isBoolean`, as uint8 without. */
export interface NpyArray {
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;
  /** Default: one axis as long as the data. */
  readonly shape?: readonly number[];
  /** 0 and 1 as NumPy's bool. */
  readonly isBoolean?: boolean;
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0);
/** Data begin at a multiple of this, so that they can be mapped into memory. */
const ALIGNMENT = 64;
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;
/** 1 January 1980, where zip's calendar begins: the same arrays are the same bytes. */
const NO_DATE = 0x0021;
const VERSION_NEEDED = 20;
/** Names are UTF-8. */
const UTF8_FLAG = 0x0800;

/**
 * One array as a .npy file: row-major, little-endian.
 * @see NumPy, numpy/lib/format.py, "Format Version 1.0"
 */
export function encodeNpy({ data, shape = [data.length], isBoolean = false }: NpyArray): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const text = `{'descr': '${descriptorOf(data, isBoolean)}', 'fortran_order': False, 'shape': (${sides}), }`;
  const unpadded = MAGIC.length + 2 + text.length + 1;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.alloc(unpadded + padding, ' ', 'latin1');
  header.set(MAGIC);
  header.writeUInt16LE(text.length + padding + 1, MAGIC.length);
  header.write(text, MAGIC.length + 2, 'latin1');
  header.write('\n', header.length - 1, 'latin1');
  return Buffer.concat([header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/**
 * Arrays by name as an .npz file, in the order given, at most 4 GiB in all. `numpy.load(path)[name]` reads each.
 * @see PKWARE, APPNOTE.TXT 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16
 */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const file = Buffer.from(`${name}.npy`);
    const content = encodeNpy(array);
    const facts = entryFacts(file, content);
    parts.push(localHeader(facts), file, content);
    directory.push(centralHeader(facts, offset), file);
    offset += LOCAL_HEADER_BYTES + file.length + content.length;
  }
  const end = endRecord({ entries: parts.length / 3, offset, bytes: lengthOf(directory) });
  return Buffer.concat([...parts, ...directory, end]);
}

function descriptorOf(data: NpyArray['data'], isBoolean: boolean): string {
  if (data instanceof Float32Array) return '<f4';
  if (data instanceof Float64Array) return '<f8';
  if (data instanceof Int32Array) return '<i4';
  if (data instanceof Uint32Array) return '<u4';
  return isBoolean ? '|b1' : '|u1';
}

/** What local and central header say alike: from "version needed" to the length of the extra field. */
function entryFacts(file: Uint8Array, content: Uint8Array): Buffer {
  const facts = Buffer.alloc(LOCAL_HEADER_BYTES - 4);
  facts.writeUInt16LE(VERSION_NEEDED, 0);
  facts.writeUInt16LE(UTF8_FLAG, 2);
  facts.writeUInt16LE(NO_DATE, 8);
  facts.writeUInt32LE(crc32(content), 10);
  facts.writeUInt32LE(content.length, 14);
  facts.writeUInt32LE(content.length, 18);
  facts.writeUInt16LE(file.length, 22);
  return facts;
}

function localHeader(facts: Buffer): Buffer {
  return Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), facts]);
}

function centralHeader(facts: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(CENTRAL_HEADER_BYTES);
  header.write('PK\u0001\u0002', 'latin1');
  header.writeUInt16LE(VERSION_NEEDED, 4);
  header.set(facts, 6);
  header.writeUInt32LE(offset, 42);
  return header;
}

function endRecord(directory: { entries: number; offset: number; bytes: number }): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(directory.entries, 8);
  end.writeUInt16LE(directory.entries, 10);
  end.writeUInt32LE(directory.bytes, 12);
  end.writeUInt32LE(directory.offset, 16);
  return end;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
