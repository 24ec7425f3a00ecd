import { AppError } from '../domain/errors.ts';

/** An array of unsigned bytes with its shape, as the idx format holds it. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major, as many values as the product of `shape`. A view on the file's bytes, not a copy. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const HEADER_BYTES = 4;
const DIMENSION_BYTES = 4;

/**
 * Reads an idx file of unsigned bytes: magic `00 00 08 d`, then d big-endian 32-bit lengths, then the values.
 *
 * @param bytes the whole file, decompressed
 * @param source where it came from, for error messages
 * @throws {AppError} TEMPER_DATA_CORRUPT when magic, type or length do not agree
 * @see http://yann.lecun.com/exdb/mnist (file formats)
 */
export function parseIdx(bytes: Uint8Array, source: string): IdxArray {
  const dimensions = readDimensionCount(bytes, source);
  const start = HEADER_BYTES + DIMENSION_BYTES * dimensions;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) =>
    view.getUint32(HEADER_BYTES + DIMENSION_BYTES * i),
  );
  const expected = shape.reduce((product, side) => product * side, 1);
  const got = bytes.byteLength - start;
  if (got !== expected)
    throw corrupt(
      source,
      `its header promises [${shape.join(', ')}] = ${expected} values, the file has ${got}`,
    );
  return { shape, values: bytes.subarray(start) };
}

function readDimensionCount(bytes: Uint8Array, source: string): number {
  if (bytes.byteLength < HEADER_BYTES)
    throw corrupt(source, `it has ${bytes.byteLength} bytes, not even a header`);
  if (bytes[0] !== 0 || bytes[1] !== 0)
    throw corrupt(
      source,
      `it starts with bytes ${hex(bytes[0]!)} ${hex(bytes[1]!)}${gzipHint(bytes)}, expected 00 00`,
    );
  if (bytes[2] !== UNSIGNED_BYTE)
    throw corrupt(source, `its value type is ${hex(bytes[2]!)}, expected 08 (unsigned byte)`);
  const dimensions = bytes[3]!;
  if (dimensions === 0) throw corrupt(source, 'it has no dimensions');
  if (bytes.byteLength < HEADER_BYTES + DIMENSION_BYTES * dimensions)
    throw corrupt(source, `it ends inside its header of ${dimensions} dimensions`);
  return dimensions;
}

function corrupt(source: string, problem: string): AppError {
  return new AppError('TEMPER_DATA_CORRUPT', `${source} is not an idx file: ${problem}.`, {
    details: { source },
  });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function gzipHint(bytes: Uint8Array): string {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? ' (gzip: decompress it first)' : '';
}
