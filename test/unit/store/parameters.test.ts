import fc from 'fast-check';
import { parametersOf } from '../../../src/store/embedded/parameters.ts';

const ask = (text: string, type: string): unknown =>
  parametersOf(new URLSearchParams({ param_x: text, other: '1' }), `SELECT {x: ${type}}`);

/** As the official client writes text: the escapes that a server takes back. */
const escape = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll("'", "\\'");

describe('parameters of requests', () => {
  test.each([
    ['String', 'plain', 'plain'],
    ['LowCardinality(String)', "it\\'s", "it's"],
    ['Nullable(String)', '\\N', null],
    ['UInt64', '18446744073709551615', '18446744073709551615'],
    ['Array(UInt64)', '[18446744073709551615, -2]', [18446744073709551615n, -2n]],
    ['Array(Float64)', '[1.5,1e-3]', [1.5, 0.001]],
    ['Array(Nullable(String))', "['a',NULL]", ['a', null]],
    ['Array(Bool)', '[TRUE,FALSE]', [true, false]],
    ['Array(Array(String))', "[['a'],[],['b','c']]", [['a'], [], ['b', 'c']]],
    ['Array(String)', '[]', []],
    ['Map(String, String)', "{'a':'b'}", "{'a':'b'}"],
  ])('%s', (type, text, expected) => {
    expect(ask(text, type)).toEqual({ x: expected });
  });

  test('text comes back as it was, alone and in arrays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }).map((text) => text.replace(/\p{Surrogate}/gu, ''))),
        (texts) => {
          const array = `[${texts.map((text) => `'${escape(text)}'`).join(',')}]`;
          expect(ask(array, 'Array(String)')).toEqual({ x: texts });
          for (const text of texts) expect(ask(escape(text), 'String')).toEqual({ x: text });
        },
      ),
    );
  });

  test.each(['', '1', "['a'", "'a']", '[1]]', '[;]', '[1][2'])('%p is no array', (text) => {
    expect(() => ask(text, 'Array(String)')).toThrow('expected an array');
  });
});
