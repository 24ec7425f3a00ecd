import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy, encodeNpz } from '../../../src/protocols/npz.ts';
import { ARRAYS } from './arrays.cjs';

interface Golden {
  readonly file: string;
  readonly read: Readonly<
    Record<string, { dtype: string; shape: number[]; values: (number | boolean | string)[] }>
  >;
}

const golden = JSON.parse(readFileSync(join(__dirname, 'npz.json'), 'utf8')) as Golden;
const arrays = ARRAYS;

test('the archive is the one that NumPy has read, to the byte', () => {
  expect(Buffer.from(encodeNpz(arrays)).equals(Buffer.from(golden.file, 'base64'))).toBe(true);
});

test.each(Object.entries(golden.read))('NumPy read %s as it was given', (name, { dtype, shape, values }) => {
  const { data, shape: given = [data.length], isBoolean = false } = arrays[name]!;
  expect(shape).toEqual(given);
  const text = { inf: Infinity, nan: NaN } as const;
  const numbers = values.map((value) =>
    typeof value === 'string' ? text[value as 'inf' | 'nan'] : Number(value),
  );
  expect(numbers).toEqual(Array.from(data));
  const types = {
    Float32Array: '<f4',
    Float64Array: '<f8',
    Int32Array: '<i4',
    Uint32Array: '<u4',
    Uint8Array: '|u1',
  };
  expect(dtype).toBe(isBoolean ? '|b1' : types[data.constructor.name as keyof typeof types]);
});

test('NumPy found every array', () => expect(Object.keys(golden.read)).toEqual(Object.keys(arrays)));

test('data begin at a multiple of 64 bytes, whatever the shape', () => {
  for (let side = 1; side < 1e12; side *= 10)
    expect(encodeNpy({ data: new Uint8Array(0), shape: [side, side, 0] }).length % 64).toBe(0);
});
