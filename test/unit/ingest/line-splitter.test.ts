import fc from 'fast-check';

import { createLineSplitter } from '../../../src/ingest/line-splitter.ts';
import type { Line } from '../../../src/ingest/line-splitter.ts';

const MANY = Number.MAX_SAFE_INTEGER;

function split(chunks: readonly string[], maxLineBytes = 1_000_000): Line[] {
  const splitter = createLineSplitter({ maxLineBytes, firstLine: 0 });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  return splitter.take(MANY, MANY);
}

const textOf = ({ bytes }: Line): string => Buffer.from(bytes).toString();

test('only a newline ends a line', () => {
  expect(split(['a\nb', 'c\n', '\nrest']).map(textOf)).toEqual(['a', 'bc', '']);
});

test('a carriage return before the newline is not part of the line', () => {
  expect(split(['a\r\nb\r', '\nc\rd\n']).map(textOf)).toEqual(['a', 'b', 'c\rd']);
});

test('cut anywhere, the lines and their numbers are the same', () => {
  const lines = fc.array(fc.stringMatching(/^[a-z]{0,12}$/), { maxLength: 20 });
  const cuts = fc.array(fc.nat(250), { maxLength: 12 });
  fc.assert(
    fc.property(lines, cuts, (texts, places) => {
      const whole = texts.map((text) => `${text}\n`).join('');
      const ends = [0, ...places.filter((place) => place < whole.length).sort((a, b) => a - b), whole.length];
      const chunks = ends.slice(1).map((end, i) => whole.slice(ends[i], end));
      const found = split(chunks);
      expect(found.map(textOf)).toEqual(texts);
      expect(found.map(({ number }) => number)).toEqual(texts.map((_, i) => i));
    }),
  );
});

test.each([[1], [7], [5000]])(
  'a line that is too long keeps its beginning and length; chunks of %d bytes',
  (size) => {
    const text = `short\n${'x'.repeat(4000)}\nnext\n`;
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      text.slice(i * size, (i + 1) * size),
    );
    const [first, long, next] = split(chunks, 3000);
    expect(first).toMatchObject({ number: 0, isTooLong: false, sizeBytes: 5 });
    expect(long).toMatchObject({ number: 1, isTooLong: true, sizeBytes: 4000 });
    expect(textOf(long!)).toBe('x'.repeat(1024));
    expect(textOf(next!)).toBe('next');
  },
);

test('a line of exactly the limit is not too long', () => {
  expect(split([`${'x'.repeat(100)}\n`], 100)[0]).toMatchObject({ isTooLong: false });
  expect(split([`${'x'.repeat(101)}\n`], 100)[0]).toMatchObject({ isTooLong: true });
});

test('an endless line is not kept in memory', () => {
  const splitter = createLineSplitter({ maxLineBytes: 10_000, firstLine: 0 });
  const chunk = Buffer.alloc(100_000, 0x78);
  for (let i = 0; i < 100; i++) splitter.push(chunk);
  splitter.push(Buffer.from('\n'));
  const [line] = splitter.take(1, MANY);
  expect(line).toMatchObject({ isTooLong: true, sizeBytes: 10_000_000 });
  expect(line!.bytes.buffer.byteLength).toBeLessThan(20_000);
});

test('takes out no more than asked, at least one line', () => {
  const splitter = createLineSplitter({ maxLineBytes: 1000, firstLine: 10 });
  splitter.push(Buffer.from('aaaa\nbbbb\ncccc\ndddd\n'));
  expect(splitter.take(2, MANY).map(textOf)).toEqual(['aaaa', 'bbbb']);
  expect(splitter.nextLine).toBe(12);
  expect(splitter.take(MANY, 1).map(textOf)).toEqual(['cccc']);
  expect(splitter.waiting).toBe(1);
  expect(splitter.take(MANY, 4).map(textOf)).toEqual(['dddd']);
  expect(splitter.nextLine).toBe(14);
});
