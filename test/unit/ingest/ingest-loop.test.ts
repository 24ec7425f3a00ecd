import { silentLogger } from '../../../src/domain/logger.ts';
import { createClassifier } from '../../../src/ingest/classify.ts';
import type { IngestRange } from '../../../src/ingest/events.ts';
import { createIngestLoop } from '../../../src/ingest/ingest-loop.ts';
import type { IngestLimits } from '../../../src/ingest/ingest-loop.ts';
import { silentIngestObserver } from '../../../src/ingest/observer.ts';
import type { Rejection } from '../../../src/ingest/observer.ts';
import {
  batchOf,
  coverage,
  createHandSource,
  createMemoryStore,
  NOON,
  request,
  storeIsAway,
  tinyFormat,
} from './streams.ts';
import type { MemoryStore } from './streams.ts';

function setUp(limits: Partial<IngestLimits> = {}, store: MemoryStore = createMemoryStore()) {
  const source = createHandSource();
  const clock = { now: 1000, nowMs: () => clock.now };
  const waits: number[] = [];
  const committed: IngestRange[] = [];
  const rejections: Rejection[] = [];
  const retries: number[] = [];
  const loop = createIngestLoop({
    source,
    classify: createClassifier({ format: tinyFormat, sampler: { includes: () => true } }),
    port: store,
    observer: {
      ...silentIngestObserver,
      committed: (range) => committed.push(range),
      rejected: (rejection) => rejections.push(rejection),
      commitRetried: (_, attempt) => retries.push(attempt),
    },
    clock,
    logger: silentLogger,
    limits: { commitIntervalMs: 100, ...limits },
    wait: (delayMs) => {
      waits.push(delayMs);
      return Promise.resolve();
    },
  });
  return { source, store, clock, waits, committed, rejections, retries, loop, running: loop.run() };
}

/** Lets everything that is ready happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

test('every record ends in exactly one outcome, and samples, labels, responses and dead letters carry positions', async () => {
  const { source, store, loop, running, rejections } = setUp();
  const row = [0, 0, 0, 0];
  await source.deliver(
    batchOf([
      request('a', { instances: [row, row, row] }),
      { id: 'a', time: NOON, label: 2, row: 1 },
      { id: 'a', time: NOON, predictions: [[1, 2, 3]], version: '4' },
      request('b', { model: 'cats' }),
      request('c', { instances: [[9, 0, 0, 0]] }),
      '',
    ]),
  );
  await loop.stop();
  await running;
  const [batch, ...others] = store.batches;
  expect(others).toEqual([]);
  expect(batch!.range).toEqual({
    source: 'test:a',
    partition: 0,
    first: 0,
    last: 5,
    counts: { sampled: 1, skipped: 0, label: 1, response: 1, dropped: 2, dead_letter: 1 },
    reasons: { unknown_model: 1, out_of_range: 1, empty_record: 1 },
    rowsBeyondLimit: 1,
  });
  expect(
    batch!.samples.map(({ sampleId, row: index, position }) => [sampleId, index, position.offset]),
  ).toEqual([
    ['a#0', 0, 0],
    ['a#1', 1, 0],
  ]);
  expect(batch!.labels).toMatchObject([{ sampleId: 'a#1', label: 2, position: { offset: 1 } }]);
  expect(batch!.responses).toMatchObject([{ sampleId: 'a#0', version: '4', position: { offset: 2 } }]);
  expect(batch!.deadLetters).toMatchObject([
    {
      reason: 'out_of_range',
      detail: 'instances[0][0]: expected a number in [0, 1], got 9',
      position: { offset: 4 },
    },
  ]);
  expect(JSON.parse(Buffer.from(batch!.deadLetters[0]!.value).toString())).toMatchObject({ id: 'c' });
  expect(rejections.map(({ reason }) => reason)).toEqual(['unknown_model', 'out_of_range', 'empty_record']);
  expect(loop.status()).toMatchObject({
    counts: batch!.range.counts,
    samples: 2,
    rowsBeyondLimit: 1,
    commits: 1,
    positions: [{ source: 'test:a', partition: 0, offset: 5 }],
  });
});

describe('commits', () => {
  test('are cut by records, and by time at a poll', async () => {
    const { source, store, clock, committed, loop } = setUp({ commitRecords: 3 });
    await source.deliver(batchOf([request('a'), request('b')]));
    await settle();
    expect(store.batches).toHaveLength(0);
    await source.deliver(batchOf([request('c'), request('d')], 2));
    await settle();
    expect(store.batches.map(({ range }) => [range.first, range.last])).toEqual([[0, 3]]);
    await source.deliver(batchOf([request('e')], 4));
    source.poll();
    await settle();
    expect(store.batches).toHaveLength(1);
    clock.now += 100;
    source.poll();
    await settle();
    expect(committed.map(({ last }) => last)).toEqual([3, 4]);
    expect(source.acknowledged).toEqual([
      ['test:a/0', 3],
      ['test:a/0', 4],
    ]);
    await loop.stop();
  });

  test('are cut by bytes kept', async () => {
    const { source, store, loop } = setUp({ commitBytes: 300 });
    await source.deliver(batchOf([request('a'), request('b')]));
    await settle();
    expect(store.batches).toHaveLength(1);
    await loop.stop();
  });

  test('do not mix partitions', async () => {
    const { source, store, loop } = setUp();
    await source.deliver(batchOf([request('a')], 0, 'test:a'));
    await source.deliver(batchOf([request('b')], 5, 'test:b'));
    await source.deliver(batchOf([request('c')], 1, 'test:a'));
    await loop.stop();
    expect(store.batches.map(({ range }) => [range.source, range.first, range.last])).toEqual([
      ['test:a', 0, 1],
      ['test:b', 5, 5],
    ]);
  });
});

describe('when the store fails', () => {
  test('a retryable failure tries the very same batch again, waiting longer each time', async () => {
    const { source, store, waits, retries, loop } = setUp({ commitRecords: 1 });
    store.failures.push(...Array.from({ length: 12 }, storeIsAway));
    await source.deliver(batchOf([request('a')]));
    for (let i = 0; i < 20; i++) await settle();
    expect(store.batches).toHaveLength(1);
    expect(store.attempts).toBe(13);
    expect(retries).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    waits.forEach((delayMs, i) => {
      const ceilingMs = Math.min(10_000, 100 * 2 ** i);
      expect(delayMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(delayMs).toBeLessThanOrEqual(ceilingMs);
    });
    await loop.stop();
  });

  test('an unknown failure stops the loop, and nothing behind it is committed', async () => {
    const { source, store, running } = setUp({ commitRecords: 1 });
    const unknown = new Error('what is this?');
    store.failures.push(unknown);
    await source.deliver(batchOf([request('a')]));
    await source.deliver(batchOf([request('b')], 1));
    await expect(running).rejects.toBe(unknown);
    expect(store.batches).toHaveLength(0);
  });

  test('a failure of one partition does not commit a later range of it, but the others are safe', async () => {
    const { source, store, running } = setUp({ commitRecords: 1, maxUncommitted: 10 });
    store.failures.push(new Error('no'));
    await source.deliver(batchOf([request('a')], 0, 'test:a'));
    void source.deliver(batchOf([request('b')], 1, 'test:a'));
    void source.deliver(batchOf([request('c')], 0, 'test:b'));
    await expect(running).rejects.toThrow('no');
    expect(store.batches.filter(({ range }) => range.source === 'test:a')).toEqual([]);
  });

  test('reading waits when too many commits are under way, and goes on when one is done', async () => {
    const { source, store, loop } = setUp({ commitRecords: 1, maxUncommitted: 2 });
    let open: () => void = () => undefined;
    store.gate = new Promise((resolve) => (open = resolve));
    const delivered: number[] = [];
    const deliverAll = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        await source.deliver(batchOf([request(`e-${i}`)], i));
        delivered.push(i);
      }
    };
    const all = deliverAll();
    await settle();
    expect(loop.status().uncommitted).toBe(2);
    expect(delivered).toEqual([0, 1]);
    open();
    await all;
    await loop.stop();
    expect(delivered).toEqual([0, 1, 2, 3]);
    expect(store.batches.map(({ range }) => range.first)).toEqual([0, 1, 2, 3]);
  });

  test('stop does not wait for a store that is away, and leaves no gap', async () => {
    const { source, store, loop, running } = setUp({ commitRecords: 2 });
    store.failures.push(...Array.from({ length: 1000 }, storeIsAway));
    await source.deliver(batchOf([request('a'), request('b')]));
    await source.deliver(batchOf([request('c')], 2));
    await loop.stop();
    await running;
    expect(store.batches).toEqual([]);
  });

  test('positions that cannot be read are asked for again', async () => {
    const store = createMemoryStore();
    let asked = 0;
    store.lastPositions = () =>
      ++asked < 3
        ? Promise.reject(storeIsAway())
        : Promise.resolve([{ source: 'x', partition: 0, offset: 4 }]);
    const { source, loop } = setUp({}, store);
    const handler = await source.started;
    await expect(handler.startOffset({ source: 'x', partition: 0 })).resolves.toBe(5);
    await expect(handler.startOffset({ source: 'y', partition: 0 })).resolves.toBe(0);
    await loop.stop();
  });
});

test('a new loop begins behind the last committed range; what is delivered again counts once', async () => {
  const first = setUp({ commitRecords: 2 });
  await first.source.deliver(batchOf([request('a'), request('b')]));
  await first.source.deliver(batchOf([request('c')], 2));
  await settle();
  // The process ends here: the third record was read, not committed.
  const survived = createMemoryStore([...first.store.batches]);
  const second = setUp({}, survived);
  const handler = await second.source.started;
  expect(await handler.startOffset({ source: 'test:a', partition: 0 })).toBe(2);
  await second.source.deliver(batchOf([request('b'), request('c'), request('d')], 1));
  await second.source.deliver(batchOf([request('d'), request('e')], 3));
  await second.loop.stop();
  expect(coverage(survived.batches).get('test:a/0')).toEqual([1, 1, 1, 1, 1]);
  expect(survived.batches.flatMap(({ samples }) => samples.map(({ eventId }) => eventId))).toEqual([
    'a',
    'b',
    'c',
    'd',
    'e',
  ]);
});

test('signs of life come from polls, batches and attempts to commit', async () => {
  const { source, clock, loop } = setUp();
  await source.started;
  expect(loop.status().lastTickMs).toBeUndefined();
  source.poll();
  expect(loop.status().lastTickMs).toBe(1000);
  clock.now = 2000;
  await source.deliver(batchOf([request('a')]));
  expect(loop.status().lastTickMs).toBe(2000);
  clock.now = 3000;
  source.poll();
  await loop.stop();
  expect(loop.status().lastTickMs).toBe(3000);
});
