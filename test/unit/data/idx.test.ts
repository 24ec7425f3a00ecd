import fc from 'fast-check';
import { AppError } from '../../../src/domain/errors.ts';
import { parseIdx } from '../../../src/data/idx.ts';

function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((side, i) => view.setUint32(4 + 4 * i, side));
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

test('reads what was written, also from the middle of a larger buffer', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 0, max: 9 }),
      (shape, offset) => {
        const size = shape.reduce((product, side) => product * side, 1);
        const values = Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256);
        const file = idx(shape, values);
        const buffer = new Uint8Array(offset + file.length);
        buffer.set(file, offset);
        expect(parseIdx(buffer.subarray(offset), 'x')).toEqual({ shape, values });
      },
    ),
  );
});

test.each([
  ['an empty file', new Uint8Array(), /0 bytes, not even a header/],
  ['another magic', Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0), /starts with bytes 01 00, expected 00 00/],
  ['a compressed file', Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip: decompress it first/],
  ['floats', Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 0), /value type is 0d, expected 08/],
  ['no dimensions', Uint8Array.of(0, 0, 8, 0), /no dimensions/],
  ['a cut header', Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1), /ends inside its header of 2 dimensions/],
  ['a value too few', idx([3], Uint8Array.of(1, 2)), /promises \[3\] = 3 values, the file has 2/],
  ['a value too many', idx([1], Uint8Array.of(1, 2)), /promises \[1\] = 1 values, the file has 2/],
])('refuses %s and names the file', (_name, bytes, message) => {
  expect(() => parseIdx(bytes, 'digits.idx')).toThrow(AppError);
  expect(() => parseIdx(bytes, 'digits.idx')).toThrow(message);
  expect(() => parseIdx(bytes, 'digits.idx')).toThrow(/digits\.idx/);
});
