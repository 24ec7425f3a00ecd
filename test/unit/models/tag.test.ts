import fc from 'fast-check';
import { makeTag, verifyTag } from '../../../src/models/probe-tag.ts';

const KEY = 'secret';
const NOW = 1_760_000_000_000;

describe('probe tag', () => {
  test('is recognised whole and at the start of an event id', () => {
    const tag = makeTag(KEY, NOW);
    for (const text of [tag, `${tag}/event-7`, `${tag}#3`])
      expect(verifyTag(KEY, text)).toMatchObject({ issuedAtMs: NOW });
    expect(tag).toMatch(/^[\w.]+$/);
  });

  test('is different every time', () => {
    expect(makeTag(KEY, NOW)).not.toBe(makeTag(KEY, NOW));
    expect(verifyTag(KEY, makeTag(KEY, NOW, '0123456789abcdef'))?.nonce).toBe('0123456789abcdef');
  });

  test.each([
    ['another key', verifyTag('other', makeTag(KEY, NOW))],
    ['text before it', verifyTag(KEY, `x${makeTag(KEY, NOW)}`)],
    ['text glued to it', verifyTag(KEY, `${makeTag(KEY, NOW)}0`)],
    ['nothing', verifyTag(KEY, undefined)],
    ['an event too late', verifyTag(KEY, makeTag(KEY, NOW), { atMs: NOW + 3_600_001 })],
    ['an event long before', verifyTag(KEY, makeTag(KEY, NOW), { atMs: NOW - 3_600_001 })],
  ])('%s is no tag', (_, verified) => expect(verified).toBeUndefined());

  test('within its age it holds', () => {
    const tag = makeTag(KEY, NOW);
    expect(verifyTag(KEY, tag, { atMs: NOW + 5_000, maxAgeMs: 5_000 })).toBeDefined();
  });

  test('no change of a character goes unnoticed', () => {
    const tag = makeTag(KEY, NOW);
    fc.assert(
      fc.property(
        fc.nat(tag.length - 1),
        fc.constantFrom('0', '7', 'a', 'f', 'z', '.', '/'),
        (at, character) => {
          fc.pre(tag[at] !== character);
          expect(verifyTag(KEY, tag.slice(0, at) + character + tag.slice(at + 1))).toBeUndefined();
        },
      ),
    );
  });

  test('any text is read without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => verifyTag(KEY, text) === undefined));
  });
});
