import fc from 'fast-check';
import { encodeRows } from '../../../src/store/row-json.ts';

const encode = (...rows: Record<string, unknown>[]): string => encodeRows(rows).toString('utf8');

describe('rows as bytes', () => {
  test('are plain JSON, one object a line, where JSON has words for everything', () => {
    const plainValue = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    );
    const row = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.oneof(plainValue, fc.array(plainValue)));
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const plain = rows.map((one) => ({ ...one }));
        expect(encode(...plain)).toBe(plain.map((one) => JSON.stringify(one)).join('\n'));
      }),
    );
  });

  test.each([
    ['NaN', NaN, '"nan"'],
    ['infinity', Infinity, '"inf"'],
    ['minus infinity', -Infinity, '"-inf"'],
    ['an array with one of them', [1, -Infinity], '[1,"-inf"]'],
    ['float32 values', Float32Array.of(0.5, NaN), '[0.5,"nan"]'],
    ['half a pair', 'a\ud800b', '"a\uFFFDb"'],
    ['the other half', '\udfff', '"\uFFFD"'],
    ['halves in the wrong order', '\udc00\ud800', '"\uFFFD\uFFFD"'],
    ['a whole pair', '😀', '"😀"'],
    ['no value', null, 'null'],
    ['a map', { sampled: 2 }, '{"sampled":2}'],
    ['a map under half a pair', { '\ud800': 1 }, '{"\uFFFD":1}'],
  ])('keep %s', (_, value, text) => {
    expect(encode({ value })).toBe(`{"value":${text}}`);
  });

  test('are valid UTF-8 whatever text they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = encodeRows([{ text }]);
        const { text: back } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as {
          text: string;
        };
        expect(back).toBe(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
      }),
    );
  });
});
