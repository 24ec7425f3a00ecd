import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '../../src/domain/clock.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { createRng } from '../../src/domain/rng.ts';
import { createClassifier } from '../../src/ingest/classify.ts';
import type { CommitBatch } from '../../src/ingest/events.ts';
import { createFileSource } from '../../src/ingest/file-source.ts';
import type { FileSourceOptions } from '../../src/ingest/file-source.ts';
import { createIngestLoop } from '../../src/ingest/ingest-loop.ts';
import type { IngestLoop } from '../../src/ingest/ingest-loop.ts';
import { silentIngestObserver } from '../../src/ingest/observer.ts';
import type { Source, SourceHandler } from '../../src/ingest/source.ts';
import { coverage, createMemoryStore, request, tinyFormat } from '../unit/ingest/streams.ts';
import type { MemoryStore } from '../unit/ingest/streams.ts';

let folder: string;
let path: string;
const running: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ingest-'));
  path = join(folder, 'a.jsonl');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  rmSync(folder, { recursive: true });
});

const A = { source: 'file:a.jsonl', partition: 0 };

function sourceOf(options: Partial<FileSourceOptions> = {}): Source {
  return createFileSource({
    files: [{ path }],
    pollMs: 10,
    maxLineBytes: 10_000,
    batchLines: 256,
    batchBytes: 2 ** 20,
    logger: silentLogger,
    ...options,
  });
}

/** A running source whose records are collected, and a way to wait for them. */
function collect(source: Source, start = 0) {
  const seen: { source: string; offset: number; text: string; damage: string | undefined }[] = [];
  const failures: string[] = [];
  let check: () => void = () => undefined;
  const handler: SourceHandler = {
    startOffset: () => Promise.resolve(start),
    onBatch({ source: name, records }) {
      for (const { offset, value, damage } of records)
        seen.push({ source: name, offset, text: Buffer.from(value).toString(), damage: damage?.reason });
      check();
      return Promise.resolve();
    },
    onPoll: () => check(),
    onPartitionFailure: (_, error) => failures.push(error.message),
  };
  const ended = source.run(handler);
  ended.catch(() => undefined);
  running.push(source);
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      check = () => {
        if (condition()) resolve();
      };
      check();
    });
  return { seen, failures, ended, until, texts: () => seen.map(({ text }) => text) };
}

describe('a growing file', () => {
  test('is waited for, then followed; an unfinished line waits for its newline', async () => {
    const source = sourceOf();
    const { seen, texts, until } = collect(source);
    expect(source.atEnd(A)).toBe(false);
    writeFileSync(path, 'one\ntwo\nthr');
    await until(() => seen.length === 2);
    await until(() => source.atEnd(A));
    appendFileSync(path, 'ee\n');
    await until(() => seen.length === 3);
    expect(texts()).toEqual(['one', 'two', 'three']);
    expect(seen.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    await until(() => source.atEnd(A));
    expect(source.partitions()).toEqual([{ ...A, next: 3, atEnd: true, lag: 0, paused: false }]);
  });

  test('is read from a line on, in batches no larger than asked', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    const sizes: number[] = [];
    const source = sourceOf({ batchLines: 100 });
    const { seen, texts, until } = collect(source, 49_000);
    await until(() => {
      sizes.push(seen.length);
      return seen.length === 1000;
    });
    expect(texts()).toEqual(lines.slice(49_000));
    expect(sizes.every((size) => size % 100 === 0)).toBe(true);
  });

  test('tells how far behind it is', async () => {
    writeFileSync(path, 'x\n'.repeat(1000));
    const source = sourceOf({ batchLines: 100 });
    let lag = -1;
    const { seen, until } = collect(source);
    await until(() => {
      if (seen.length === 100 && lag < 0) lag = source.partitions()[0]!.lag;
      return seen.length === 1000;
    });
    expect(lag).toBeGreaterThanOrEqual(900);
    expect(lag).toBeLessThanOrEqual(1000);
    await until(() => source.atEnd(A));
    expect(source.partitions()[0]!.lag).toBe(0);
  });

  test('delivers a huge line as damaged and goes on', async () => {
    writeFileSync(path, `a\n${'x'.repeat(3_000_000)}\nb\n`);
    const { seen, until } = collect(sourceOf());
    await until(() => seen.length === 3);
    expect(seen.map(({ damage }) => damage)).toEqual([undefined, 'line_too_long', undefined]);
    expect(seen[1]!.text).toHaveLength(1024);
    expect(seen[2]!.text).toBe('b');
  });

  test('can be paused, resumed and sought', async () => {
    writeFileSync(path, 'a\nb\n');
    const source = sourceOf();
    const { seen, texts, until } = collect(source);
    await until(() => seen.length === 2);
    source.pause(A);
    appendFileSync(path, 'c\n');
    let polls = 0;
    await until(() => ++polls > 5);
    expect(seen).toHaveLength(2);
    source.resume(A);
    await until(() => seen.length === 3);
    source.seek(A, 1);
    await until(() => seen.length === 5);
    expect(texts()).toEqual(['a', 'b', 'c', 'b', 'c']);
  });

  test('two files are two partitions, read side by side', async () => {
    const other = join(folder, 'b.jsonl');
    writeFileSync(path, 'a\n');
    writeFileSync(other, 'b\n');
    const { seen, until } = collect(sourceOf({ files: [{ path }, { path: other, name: 'labels' }] }));
    await until(() => seen.length === 2);
    expect(seen.map(({ source, offset }) => [source, offset]).sort()).toEqual([
      ['file:a.jsonl', 0],
      ['file:labels', 0],
    ]);
  });
});

describe('a file that does not keep its promise', () => {
  const cases: [string, () => void, RegExp][] = [
    ['truncated', () => truncateSync(path, 2), /a\.jsonl was truncated: expected at least 8 bytes, .* got 2/],
    ['emptied', () => truncateSync(path, 0), /was truncated: .* got 0/],
    [
      'emptied and filled again',
      () => writeFileSync(path, 'x\ny\nz\nother\nlines\n'),
      /was rewritten|was truncated/,
    ],
    [
      'rotated',
      () => {
        renameSync(path, `${path}.1`);
        writeFileSync(path, 'new\n');
      },
      /was replaced by another file \(rotated\) after line 2; everything before was read\. A stream file may only grow/,
    ],
    ['removed', () => rmSync(path), /was removed or renamed after line 2/],
  ];

  test.each(cases)('%s: a clear error', async (_, change, message) => {
    writeFileSync(path, 'one\ntwo\n');
    const source = sourceOf();
    const { seen, failures, ended, until } = collect(source);
    await until(() => seen.length === 2 && source.atEnd(A));
    change();
    await expect(ended).rejects.toMatchObject({
      code: 'TEMPER_INGEST_SOURCE',
      message: expect.stringMatching(message) as string,
    });
    expect(failures).toEqual([expect.stringMatching(message)]);
    expect(source.partitions()[0]!.failure).toMatch(message);
  });

  test('what was written before a rotation is read before it fails', async () => {
    writeFileSync(path, 'one\n');
    const source = sourceOf();
    const { seen, texts, ended, until } = collect(source);
    await until(() => seen.length === 1);
    source.pause(A);
    appendFileSync(path, 'two\n');
    renameSync(path, `${path}.1`);
    source.resume(A);
    await expect(ended).rejects.toThrow(/removed or renamed after line 2/);
    expect(texts()).toEqual(['one', 'two']);
  });

  test('with fewer lines than were read before, it is refused', async () => {
    writeFileSync(path, 'one\ntwo\nunfinished');
    const { ended } = collect(sourceOf(), 3);
    await expect(ended).rejects.toThrow(
      /has 2 whole lines, expected at least 3, which were read from it before/,
    );
  });

  test('the other files go on', async () => {
    const other = join(folder, 'b.jsonl');
    writeFileSync(path, 'a\n');
    writeFileSync(other, 'b\n');
    const { seen, failures, until } = collect(sourceOf({ files: [{ path }, { path: other }] }));
    await until(() => seen.length === 2);
    rmSync(path);
    await until(() => failures.length === 1);
    appendFileSync(other, 'c\n');
    await until(() => seen.length === 3);
  });
});

describe('the loop over files', () => {
  function loopOver(
    store: MemoryStore,
    options: Partial<FileSourceOptions> = {},
  ): IngestLoop & { ended: Promise<void> } {
    const loop = createIngestLoop({
      source: sourceOf(options),
      classify: createClassifier({ format: tinyFormat, sampler: { includes: () => true } }),
      port: store,
      observer: silentIngestObserver,
      clock: systemClock,
      logger: silentLogger,
      limits: { commitIntervalMs: 20, commitRecords: 7 },
    });
    running.push(loop);
    const ended = loop.run();
    ended.catch(() => undefined);
    return { ...loop, ended };
  }

  /** Resolves when the offset is committed; jest's time limit is what ends a wait in vain. */
  function untilCommitted(store: MemoryStore, last: number): Promise<void> {
    return new Promise((resolve) => {
      store.onCommit = () => {
        if (store.batches.some(({ range }) => range.last === last)) resolve();
      };
      store.onCommit();
    });
  }

  const lineOf = (i: number): string => `${JSON.stringify(request(`e-${i}`))}\n`;
  const eventIds = (batches: readonly CommitBatch[]): string[] =>
    batches.flatMap(({ samples }) => samples.map(({ eventId }) => eventId));

  test('killed at many moments between commits, it loses nothing and repeats nothing', async () => {
    const durable: CommitBatch[] = [];
    const rng = createRng('ingest-kill');
    let written = 0;
    for (let life = 0; life < 20; life++) {
      const store = createMemoryStore(durable);
      const dead = killAfter(store, rng.below(4));
      const count = 5 + rng.below(30);
      // Torn writes: the reader sees lines that are not finished yet.
      const text = Array.from({ length: count }, (_, i) => lineOf(written + i)).join('');
      const cut = rng.below(text.length);
      appendFileSync(path, text.slice(0, cut));
      const source = startMortal(store);
      appendFileSync(path, text.slice(cut));
      written += count;
      await Promise.race([dead.died, untilCommitted(store, written - 1)]);
      // A life that came to the end of the file dies too, before the next begins.
      dead.kill();
      // Not awaited: a dead process does not wait for its commits either.
      void source.stop();
    }
    for (const end of graves) end();
    const last = createMemoryStore(durable);
    const loop = loopOver(last);
    await untilCommitted(last, written - 1);
    await loop.stop();
    expect(coverage(durable).get('file:a.jsonl/0')).toEqual(new Array(written).fill(1));
    expect(eventIds(durable)).toEqual(Array.from({ length: written }, (_, i) => `e-${i}`));
  });

  /** What dead loops wait for, so that the test can end them. */
  const graves: (() => void)[] = [];

  /** After so many commits, or `kill`, nothing becomes durable any more, whatever is still in hand. `died`: that began. */
  function killAfter(store: MemoryStore, commits: number): { died: Promise<void>; kill: () => void } {
    const commit = store.commit.bind(store);
    let left = commits;
    const died = new Promise<void>((die) => {
      store.commit = async (batch) => {
        if (left-- > 0) return commit(batch);
        die();
        return new Promise((_, reject) => graves.push(() => reject(new Error('this process is dead'))));
      };
    });
    return { died, kill: () => (left = 0) };
  }

  /** A loop that is never stopped properly. */
  function startMortal(store: MemoryStore): Source {
    const source = sourceOf();
    const loop = createIngestLoop({
      source,
      classify: createClassifier({ format: tinyFormat, sampler: { includes: () => true } }),
      port: store,
      observer: silentIngestObserver,
      clock: systemClock,
      logger: silentLogger,
      limits: { commitIntervalMs: 5, commitRecords: 7 },
    });
    loop.run().catch(() => undefined);
    return source;
  }

  test('poison lines among good ones are each counted once, with their bytes, and the rest goes on', async () => {
    const poison = [
      '{"id":',
      '[]',
      'null',
      '\u0000',
      'x'.repeat(20_000),
      '{"id":"p","time":"never","label":1}',
    ];
    appendFileSync(path, poison.map((line, i) => `${line}\n${lineOf(i)}`).join(''));
    const store = createMemoryStore();
    const loop = loopOver(store);
    await untilCommitted(store, 2 * poison.length - 1);
    await loop.stop();
    expect(loop.status()).toMatchObject({
      counts: { sampled: 6, dead_letter: 6 },
      reasons: { malformed_json: 2, unrecognised_event: 2, line_too_long: 1, bad_time: 1 },
      lag: 0,
    });
    const letters = store.batches.flatMap(({ deadLetters }) => deadLetters);
    expect(letters.map(({ position }) => position.offset)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(Buffer.from(letters[5]!.value).toString()).toBe(poison[5]);
  });

  test('a truncated file ends the loop with the source error, after committing what was read', async () => {
    appendFileSync(path, lineOf(0) + lineOf(1));
    const store = createMemoryStore();
    const loop = loopOver(store);
    await untilCommitted(store, 1);
    truncateSync(path, 0);
    await expect(loop.ended).rejects.toMatchObject({ code: 'TEMPER_INGEST_SOURCE' });
    expect(eventIds(store.batches)).toEqual(['e-0', 'e-1']);
  });
});
