/**
 * TensorFlow's TensorProto: raw little-endian content, or a list of values whose last one repeats to fill the shape.
 * Source: tensorflow, core/framework/tensor.proto and types.proto.
 */
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { floatOfHalf } from './half.ts';
import { tensorOfBytes, type OipDatatype } from './oip-bytes.ts';
import type { Tensor, TensorData } from './tensor.ts';

/** As protobufjs gives it with defaults; 64-bit numbers as numbers. */
export interface TensorProto {
  readonly dtype: number;
  readonly tensor_shape: {
    readonly dim: readonly { readonly size: number }[];
    readonly unknown_rank: boolean;
  } | null;
  readonly tensor_content: Uint8Array;
  readonly half_val: readonly number[];
  readonly float_val: readonly number[];
  readonly double_val: readonly number[];
  readonly int_val: readonly number[];
  readonly string_val: readonly Uint8Array[];
  readonly int64_val: readonly number[];
  readonly bool_val: readonly boolean[];
  readonly uint32_val: readonly number[];
  readonly uint64_val: readonly number[];
}

type Values = readonly (number | boolean | Uint8Array)[];

interface Kind {
  /** The same numbers as raw bytes. */
  readonly raw: OipDatatype;
  readonly values: (proto: TensorProto) => Values;
}

/** By number in types.proto; what is missing (complex, quantised, resources) is no input of a classifier. */
const KINDS: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [1, { raw: 'FP32', values: (proto) => proto.float_val }],
  [2, { raw: 'FP64', values: (proto) => proto.double_val }],
  [3, { raw: 'INT32', values: (proto) => proto.int_val }],
  [4, { raw: 'UINT8', values: (proto) => proto.int_val }],
  [5, { raw: 'INT16', values: (proto) => proto.int_val }],
  [6, { raw: 'INT8', values: (proto) => proto.int_val }],
  [7, { raw: 'BYTES', values: (proto) => proto.string_val }],
  [9, { raw: 'INT64', values: (proto) => proto.int64_val }],
  [10, { raw: 'BOOL', values: (proto) => proto.bool_val }],
  [14, { raw: 'BF16', values: (proto) => proto.half_val.map(bfloatOf) }],
  [17, { raw: 'UINT16', values: (proto) => proto.int_val }],
  [19, { raw: 'FP16', values: (proto) => proto.half_val.map((bits) => floatOfHalf(bits & 0xffff)) }],
  [22, { raw: 'UINT32', values: (proto) => proto.uint32_val }],
  [23, { raw: 'UINT64', values: (proto) => proto.uint64_val }],
]);

/** TensorFlow's own limit on dimensions. */
const MAX_RANK = 254;
/** A few bytes can claim any size, as the last value repeats: more elements than this are refused before allocation. */
const MAX_REPEATED = 2 ** 22;

export function readTensorProto(proto: TensorProto, where: string): Decoded<Tensor> {
  const kind = KINDS.get(proto.dtype);
  if (kind === undefined)
    return undecodable({
      where: `${where}.dtype`,
      expected: 'numbers, booleans or strings',
      got: `${proto.dtype}`,
    });
  const shape = shapeOf(proto);
  if (shape === undefined)
    return undecodable({
      where: `${where}.tensor_shape`,
      expected: `at most ${MAX_RANK} known sides of 0 or more`,
      got: 'something else',
    });
  const { tensor_content: content } = proto;
  const data =
    content.length > 0 && kind.raw !== 'BYTES'
      ? tensorOfBytes(content, { datatype: kind.raw, shape, where })
      : repeated(kind, proto, shape, where);
  return data.ok ? decoded({ shape, data: data.value }) : data;
}

function shapeOf({ tensor_shape: shape }: TensorProto): number[] | undefined {
  if (shape === null) return [];
  const sides = shape.dim.map(({ size }) => size);
  const isKnown = !shape.unknown_rank && sides.every((side) => Number.isSafeInteger(side) && side >= 0);
  return isKnown && sides.length <= MAX_RANK ? sides : undefined;
}

function repeated(
  kind: Kind,
  proto: TensorProto,
  shape: readonly number[],
  where: string,
): Decoded<TensorData> {
  const count = shape.reduce((product, side) => product * side, 1);
  const values = kind.values(proto);
  const isShort = values.length < count;
  if (values.length > count || (isShort && !(count <= MAX_REPEATED)))
    return undecodable({
      where,
      expected: `at most ${isShort ? MAX_REPEATED : count} values for shape [${shape.slice(0, 8).join(',')}]`,
      got: `${isShort ? count : values.length}`,
    });
  if (kind.raw === 'BOOL')
    return decoded({ kind: 'boolean', values: filled(values as readonly boolean[], count, false) });
  if (kind.raw === 'BYTES')
    return decoded({
      kind: 'bytes',
      values: filled(values as readonly Uint8Array[], count, new Uint8Array(0)),
    });
  const numbers = kind.raw === 'FP32' ? new Float32Array(count) : new Float64Array(count);
  const given = values as readonly number[];
  numbers.set(given);
  numbers.fill(given.at(-1) ?? 0, given.length);
  return decoded({ kind: 'number', values: numbers });
}

function filled<T>(values: readonly T[], count: number, absent: T): T[] {
  const last = values.at(-1) ?? absent;
  return Array.from({ length: count }, (_, i) => values[i] ?? last);
}

const WORD = new DataView(new ArrayBuffer(4));

function bfloatOf(bits: number): number {
  WORD.setUint32(0, (bits & 0xffff) * 0x1_0000);
  return WORD.getFloat32(0);
}
