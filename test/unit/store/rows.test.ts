import fc from 'fast-check';
import {
  decodeFloats,
  encodeFloats,
  numberOf,
  optionalNumberOf,
  timeOf,
  timeText,
} from '../../../src/store/rows.ts';

describe('values of rows', () => {
  test('floats come back to the last bit, from any part of a buffer', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.nat(3), (values, skipped) => {
        const part = values.subarray(Math.min(skipped, values.length));
        expect(decodeFloats(encodeFloats(part))).toEqual(part);
      }),
    );
  });

  test('times come back to the millisecond', () => {
    const times = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) });
    fc.assert(fc.property(times, (ms) => expect(timeOf({ at: timeText(ms) }, 'at')).toBe(ms)));
  });

  test.each([
    [1.5, 1.5],
    ['18446744073709551615', 2 ** 64],
    ['inf', Infinity],
    ['-inf', -Infinity],
    ['nan', NaN],
    [null, undefined],
  ])('number %p is read as %p', (value, expected) => {
    expect(optionalNumberOf({ n: value }, 'n')).toBe(expected);
    if (expected !== undefined) expect(numberOf({ n: value }, 'n')).toBe(expected);
  });
});
