import fc from 'fast-check';

import { scanTopLevelId } from '../../../src/ingest/scan-id.ts';

const scan = (text: string) => scanTopLevelId(Buffer.from(text));

describe('the top-level id', () => {
  test.each([
    ['a string', '{"id":"a-1","x":1}', 'a-1'],
    ['white space', ' \n{ "id" :\t"a" }', 'a'],
    ['after other members', '{"x":[[1,2],{"id":"inner"}],"y":"}\\"","id":"outer"}', 'outer'],
    ['escapes', '{"id":"a\\u0062\\n"}', 'ab\n'],
    ['a key written with escapes', '{"\\u0069d":"a"}', 'a'],
    ['non-ASCII', '{"id":"größe→"}', 'größe→'],
    ['a number', '{"id":42}', '42'],
    ['a number beyond 2^53, with all its digits', '{"id":12345678901234567890}', '12345678901234567890'],
    ['minus zero', '{"id":-0}', '0'],
    ['another spelling of 1000', '{"id":1e3}', '1000'],
    ['the first of two', '{"id":"a","id":"b"}', 'a'],
    ['a body that is not JSON behind the id', '{"id":"a","instances":[[NaN,,', 'a'],
  ])('reads %s', (_, text, id) => {
    expect(scan(text)).toEqual({ kind: 'id', id });
  });

  test.each([
    ['no id', '{"x":{"id":"inner"}}'],
    ['an empty object', '{}'],
    ['null', '{"id":null}'],
    ['a similar key', '{"ids":"a","i":"d"}'],
  ])('finds none in %s', (_, text) => {
    expect(scan(text)).toEqual({ kind: 'none' });
  });

  test.each([
    ['nothing', ''],
    ['a list', '["id"]'],
    ['an object that ends early', '{"id":"a'],
    ['an id that ends the text', '{"id":1'],
    ['an empty id', '{"id":""}'],
    ['an object as id', '{"id":{}}'],
    ['a boolean as id', '{"id":true}'],
    ['an id of 513 bytes', `{"id":"${'x'.repeat(513)}"}`],
    ['a number that is none', '{"id":01}'],
    ['an infinite number', '{"id":1e999}'],
    ['a raw control character', '{"id":"a\u0001"}'],
    ['a missing comma', '{"x":1 "id":"a"}'],
    ['unbalanced brackets', '{"x":[[1],"id":"a"'],
  ])('is unclear in %s', (_, text) => {
    expect(scan(text)).toEqual({ kind: 'unclear' });
  });

  test('agrees with JSON.parse on every object, whatever stands before and behind the id', () => {
    const members = fc.dictionary(
      fc.string().filter((key) => key !== 'id' && key !== '__proto__'),
      fc.jsonValue(),
    );
    const id = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((text) => Buffer.byteLength(text) <= 512);
    fc.assert(
      fc.property(members, id, members, fc.constantFrom(undefined, 2), (before, own, behind, indent) => {
        const text = JSON.stringify({ ...before, id: own, ...behind }, undefined, indent);
        expect(scan(text)).toEqual({ kind: 'id', id: own });
      }),
    );
  });

  test('never throws on bytes of any kind', () => {
    const jsonish = fc.array(
      fc.constantFrom(
        ...['{', '}', '[', ']', '"', '\\', ':', ',', 'id', '"id"', '1', ' ', 'null', '\u0000', 'é', '-'],
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void scanTopLevelId(bytes)));
    fc.assert(fc.property(jsonish, (parts) => void scan(parts.join(''))));
  });
});
