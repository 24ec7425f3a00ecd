import fc from 'fast-check';
import { createRowSpace } from '../../../src/attacks/row-space.ts';

test('all arrays keep the same rows, in order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(50), { maxLength: 20 }),
      fc.array(fc.array(fc.nat(50))),
      (examples, drops) => {
        const space = createRowSpace(Int32Array.from(examples));
        const wide = space.floats(3);
        const narrow = space.doubles(1);
        examples.forEach((example, i) => {
          wide.fill(example, 3 * i, 3 * i + 3);
          narrow[i] = -example;
        });
        let expected = examples;
        for (const drop of drops) {
          space.retain((example) => !drop.includes(example));
          expected = expected.filter((example) => !drop.includes(example));
          expect(space.count).toBe(expected.length);
          expect(Array.from(space.rows.subarray(0, space.count))).toEqual(expected);
          expect(Array.from(wide.subarray(0, 3 * space.count))).toEqual(expected.flatMap((e) => [e, e, e]));
          expect(Array.from(narrow.subarray(0, space.count), (x) => 0 - x)).toEqual(expected);
        }
      },
    ),
  );
});

test('the caller’s list of examples is left alone', () => {
  const examples = Int32Array.of(3, 5, 9);
  createRowSpace(examples).retain((example) => example === 9);
  expect(Array.from(examples)).toEqual([3, 5, 9]);
});
