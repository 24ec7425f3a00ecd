/** Raw tensors of the Open Inference Protocol: little-endian, row-major, no padding; BYTES as length and content each. */
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { floatOfHalf, halfOfFloat } from './half.ts';
import type { Tensor, TensorData } from './tensor.ts';

/** Bytes of one value; BYTES vary. */
const SIZES = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  FP16: 2,
  BF16: 2,
  UINT32: 4,
  INT32: 4,
  FP32: 4,
  UINT64: 8,
  INT64: 8,
  FP64: 8,
  BYTES: 0,
} as const;

export type OipDatatype = keyof typeof SIZES;
export const OIP_DATATYPES = Object.keys(SIZES) as readonly OipDatatype[];

export function isOipDatatype(text: string): text is OipDatatype {
  return Object.hasOwn(SIZES, text);
}

/** No tensor has more sides; bounds how deep nested data are followed. */
export const OIP_MAX_RANK = 32;
/** With the rank it keeps every product of sides a finite number. */
const MAX_SIDE = 2 ** 31;

export function isOipShape(sides: readonly unknown[]): sides is number[] {
  return (
    sides.length <= OIP_MAX_RANK &&
    sides.every((side) => Number.isInteger(side) && (side as number) >= 0 && (side as number) <= MAX_SIDE)
  );
}

export interface TensorPlace {
  readonly datatype: OipDatatype;
  readonly shape: readonly number[];
  /** Path of the tensor, for messages. */
  readonly where: string;
}

type NumericDatatype = Exclude<OipDatatype, 'BOOL' | 'BYTES'>;

const READERS: Readonly<Record<NumericDatatype, (view: DataView, offset: number) => number>> = {
  UINT8: (view, offset) => view.getUint8(offset),
  INT8: (view, offset) => view.getInt8(offset),
  UINT16: (view, offset) => view.getUint16(offset, true),
  INT16: (view, offset) => view.getInt16(offset, true),
  FP16: (view, offset) => floatOfHalf(view.getUint16(offset, true)),
  BF16: (view, offset) => floatOfBits(view.getUint16(offset, true) << 16),
  UINT32: (view, offset) => view.getUint32(offset, true),
  INT32: (view, offset) => view.getInt32(offset, true),
  FP32: (view, offset) => view.getFloat32(offset, true),
  // Beyond 2^53 a double is the nearest that there is: classes and counts are far below.
  UINT64: (view, offset) => Number(view.getBigUint64(offset, true)),
  INT64: (view, offset) => Number(view.getBigInt64(offset, true)),
  FP64: (view, offset) => view.getFloat64(offset, true),
};

const WRITERS: Readonly<Record<NumericDatatype, (view: DataView, offset: number, value: number) => void>> = {
  UINT8: (view, offset, value) => view.setUint8(offset, value),
  INT8: (view, offset, value) => view.setInt8(offset, value),
  UINT16: (view, offset, value) => view.setUint16(offset, value, true),
  INT16: (view, offset, value) => view.setInt16(offset, value, true),
  FP16: (view, offset, value) => view.setUint16(offset, halfOfFloat(value), true),
  BF16: (view, offset, value) => view.setUint16(offset, bfloatOf(value), true),
  UINT32: (view, offset, value) => view.setUint32(offset, value, true),
  INT32: (view, offset, value) => view.setInt32(offset, value, true),
  FP32: (view, offset, value) => view.setFloat32(offset, value, true),
  UINT64: (view, offset, value) => view.setBigUint64(offset, BigInt(value), true),
  INT64: (view, offset, value) => view.setBigInt64(offset, BigInt(value), true),
  FP64: (view, offset, value) => view.setFloat64(offset, value, true),
};

/** Values of raw bytes. FP32 gives float32 values, other numbers doubles. */
export function tensorOfBytes(bytes: Uint8Array, place: TensorPlace): Decoded<TensorData> {
  const { datatype, shape, where } = place;
  const count = shape.reduce((product, side) => product * side, 1);
  if (datatype === 'BYTES') return textsOfBytes(bytes, count, where);
  const expected = count * SIZES[datatype];
  if (bytes.byteLength !== expected)
    return undecodable({
      where,
      expected: `${expected} bytes for ${datatype} of shape [${shape.join(',')}]`,
      got: `${bytes.byteLength}`,
    });
  if (datatype === 'BOOL')
    return decoded({ kind: 'boolean', values: Array.from(bytes, (byte) => byte !== 0) });
  // A copy is aligned; machines that Node.js runs on are little-endian.
  if (datatype === 'FP32')
    return decoded({ kind: 'number', values: new Float32Array(Uint8Array.from(bytes).buffer) });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float64Array.from({ length: count }, (_, i) => READERS[datatype](view, i * SIZES[datatype]));
  return decoded({ kind: 'number', values });
}

/** Raw bytes of a tensor. Numbers are rounded and wrapped as its datatype does; `asSent` of the served model says what comes out. */
export function bytesOfTensor({ data, datatype }: Tensor & { readonly datatype: OipDatatype }): Uint8Array {
  switch (data.kind) {
    case 'boolean':
      return Uint8Array.from(data.values, Number);
    case 'string':
    case 'bytes':
      return Buffer.concat(data.values.flatMap((value) => lengthAndContent(Buffer.from(value))));
    case 'number':
      return bytesOfNumbers(data.values, datatype);
  }
}

function bytesOfNumbers(values: Float32Array | Float64Array, datatype: OipDatatype): Uint8Array {
  if (datatype === 'FP32') {
    const floats = values instanceof Float32Array ? values : Float32Array.from(values);
    return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  }
  if (datatype === 'BOOL' || datatype === 'BYTES') return Uint8Array.from(values, (value) => +(value !== 0));
  const size = SIZES[datatype];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    WRITERS[datatype](view, i * size, value);
  });
  return bytes;
}

function textsOfBytes(bytes: Uint8Array, count: number, where: string): Decoded<TensorData> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Uint8Array[] = [];
  let offset = 0;
  while (offset + 4 <= bytes.byteLength && values.length < count) {
    const start = offset + 4;
    offset = start + view.getUint32(offset, true);
    if (offset > bytes.byteLength) break;
    values.push(bytes.subarray(start, offset));
  }
  if (values.length === count && offset === bytes.byteLength) return decoded({ kind: 'bytes', values });
  return undecodable({
    where,
    expected: `${count} elements of length and content that fill ${bytes.byteLength} bytes`,
    got: `${values.length} elements`,
  });
}

function lengthAndContent(content: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.byteLength);
  return [length, content];
}

const BITS = new DataView(new ArrayBuffer(4));

function floatOfBits(bits: number): number {
  BITS.setInt32(0, bits);
  return BITS.getFloat32(0);
}

/** The upper half of a float32, rounded to nearest even. */
function bfloatOf(value: number): number {
  BITS.setFloat32(0, value);
  const bits = BITS.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
