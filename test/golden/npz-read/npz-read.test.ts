import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeNpz } from '../../../src/protocols/npz-read.ts';
import { encodeNpz } from '../../../src/protocols/npz.ts';

interface Golden {
  readonly stored: string;
  readonly deflated: string;
  readonly fortran: string;
  readonly text: string;
  readonly read: Readonly<Record<string, { shape: number[]; values: number[] }>>;
}
const golden = JSON.parse(readFileSync(join(__dirname, 'npz-read.json'), 'utf8')) as Golden;
const bytes = (text: string): Uint8Array => Buffer.from(text, 'base64');

test.each(['stored', 'deflated'] as const)('what NumPy wrote, %s', (kind) => {
  const arrays = decodeNpz(bytes(golden[kind]));
  expect([...arrays.keys()]).toEqual(Object.keys(golden.read));
  for (const [name, { shape, values }] of Object.entries(golden.read)) {
    expect(arrays.get(name)!.shape).toEqual(shape);
    expect(Array.from(arrays.get(name)!.values)).toEqual(values);
  }
});

test('what we wrote ourselves', () => {
  const written = encodeNpz({
    a: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
    b: { data: new Int32Array(0) },
  });
  const read = decodeNpz(written);
  expect(read.get('a')).toEqual({ shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) });
  expect(read.get('b')).toEqual({ shape: [0], values: new Int32Array(0) });
});

test.each([
  ['column-major', () => bytes(golden.fortran)],
  ['text', () => bytes(golden.text)],
  ['no archive', () => Buffer.from('not a zip archive, but longer than its end record')],
  ['nothing', () => new Uint8Array()],
  ['cut off', () => bytes(golden.stored).subarray(0, 200)],
  [
    'a part of the data missing',
    () => Buffer.concat([bytes(golden.stored).subarray(0, 100), bytes(golden.stored).subarray(300)]),
  ],
])('%s is refused', (_, make) => {
  expect(() => decodeNpz(make())).toThrow(/NumPy archive: expected/);
});
