/** The `data` of a tensor of the Open Inference Protocol in JSON: flat or nested, null for NaN. */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import type { JsonValue } from './lenient-json.ts';
import { float32Text } from './number-text.ts';
import { OIP_MAX_RANK, type OipDatatype, type TensorPlace } from './oip-bytes.ts';
import { isArray, type Tensor, type TensorData } from './tensor.ts';

/** Values of JSON data, in row-major order. FP32 gives float32 values, other numbers doubles. */
export function dataOfJson(value: JsonValue | undefined, place: TensorPlace): Decoded<TensorData> {
  const { datatype, shape, where } = place;
  const expected = shape.reduce((product, side) => product * side, 1);
  if (!isArray(value) && value === undefined)
    return undecodable({ where: `${where}.data`, expected: 'values', got: 'nothing' });
  const leaves: JsonValue[] = [];
  if (!collect(value, leaves, 0))
    return undecodable({
      where: `${where}.data`,
      expected: `lists at most ${OIP_MAX_RANK} levels deep`,
      got: 'deeper ones',
    });
  if (leaves.length !== expected)
    return undecodable({
      where: `${where}.data`,
      expected: `${expected} values for shape [${shape.join(',')}]`,
      got: `${leaves.length}`,
    });
  const bad = leaves.find((leaf) => !fits(leaf, datatype));
  if (bad !== undefined)
    return undecodable({ where: `${where}.data`, expected: `values of ${datatype}`, got: printed(bad) });
  if (datatype === 'BOOL')
    return decoded({ kind: 'boolean', values: leaves.map((leaf) => leaf === true || leaf === 1) });
  if (datatype === 'BYTES') return decoded({ kind: 'string', values: leaves as string[] });
  const numbers = leaves.map((leaf) => (leaf === null ? NaN : (leaf as number)));
  return decoded({
    kind: 'number',
    values: datatype === 'FP32' ? Float32Array.from(numbers) : Float64Array.from(numbers),
  });
}

/** The text of `data`, flat. Numbers are the shortest that read back as the same value; what JSON has no number for is null. */
export function jsonOfData({ data }: Tensor): string {
  switch (data.kind) {
    case 'number': {
      const text = data.values instanceof Float32Array ? float32Text : String;
      const texts = Array.from(data.values, (value) => (Number.isFinite(value) ? text(value) : 'null'));
      return `[${texts.join(',')}]`;
    }
    case 'boolean':
    case 'string':
      return JSON.stringify(data.values);
    case 'bytes':
      return JSON.stringify(data.values.map((value) => Buffer.from(value).toString('utf8')));
  }
}

/** False when the lists are nested deeper than any tensor. */
function collect(value: JsonValue, leaves: JsonValue[], depth: number): boolean {
  if (!isArray(value)) leaves.push(value);
  else if (depth > OIP_MAX_RANK) return false;
  else for (const member of value) if (!collect(member, leaves, depth + 1)) return false;
  return true;
}

function fits(leaf: JsonValue, datatype: OipDatatype): boolean {
  if (datatype === 'BYTES') return typeof leaf === 'string';
  if (datatype === 'BOOL') return typeof leaf === 'boolean' || leaf === 0 || leaf === 1;
  if (/^B?F/.test(datatype)) return typeof leaf === 'number' || leaf === null;
  const bits = Number(/\d+$/.exec(datatype)![0]);
  const [low, high] = datatype.startsWith('U') ? [0, 2 ** bits] : [-(2 ** (bits - 1)), 2 ** (bits - 1)];
  return typeof leaf === 'number' && Number.isInteger(leaf) && leaf >= low && leaf < high;
}
