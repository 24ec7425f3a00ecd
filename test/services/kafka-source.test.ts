import { systemClock } from '../../src/domain/clock.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { createClassifier } from '../../src/ingest/classify.ts';
import { createIngestLoop } from '../../src/ingest/ingest-loop.ts';
import { createKafkaClient } from '../../src/ingest/kafka/client.ts';
import { createKafkaSource } from '../../src/ingest/kafka/kafka-source.ts';
import { silentIngestObserver } from '../../src/ingest/observer.ts';
import type { Source, SourceHandler } from '../../src/ingest/source.ts';
import { coverage, createMemoryStore, request, tinyFormat } from '../unit/ingest/streams.ts';
import type { MemoryStore } from '../unit/ingest/streams.ts';
import { startBroker } from './kafka-harness.ts';
import type { Broker } from './kafka-harness.ts';

let broker: Broker;
let kafka: ReturnType<typeof createKafkaClient>;
let producer: ReturnType<typeof kafka.producer>;
let topics = 0;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  broker = await startBroker();
  kafka = createKafkaClient({ brokers: [broker.address], clientId: 'test' }, silentLogger);
  producer = kafka.producer();
  await producer.connect();
}, 120_000);

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

afterAll(async () => {
  await producer.disconnect();
  await broker.stop();
});

async function createTopic(partitions = 1, settings: Record<string, string> = {}): Promise<string> {
  const topic = `temper-test-${++topics}`;
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: partitions, configEntries }],
  });
  await admin.disconnect();
  return topic;
}

function sourceOf(topic: string): Source {
  return createKafkaSource({
    connection: { brokers: [broker.address], clientId: 'test' },
    topics: [topic],
    groupId: `group-of-${topic}`,
    sessionTimeoutMs: 6000,
    maxPartitionBytes: 2 ** 20,
    batchRecords: 16,
    stallSeconds: 60,
    logger: silentLogger,
  });
}

function loopOver(source: Source, store: MemoryStore) {
  const loop = createIngestLoop({
    source,
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

const events = (from: number, count: number): { value: string }[] =>
  Array.from({ length: count }, (_, i) => ({ value: JSON.stringify(request(`e-${from + i}`)) }));

const sampled = (store: MemoryStore): string[] =>
  store.batches.flatMap(({ samples }) => samples.map(({ eventId }) => eventId)).sort();

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `e-${i}`).sort();

function until(store: MemoryStore, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    store.onCommit = () => {
      if (condition()) resolve();
    };
    store.onCommit();
  });
}

test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
  'messages that the broker packed with %s arrive as they were sent',
  async (codec) => {
    const topic = await createTopic(1, { 'compression.type': codec });
    const sent = Array.from({ length: 300 }, (_, i) => `${codec} ${i} ${'x'.repeat(i)}`);
    await producer.send({
      topic,
      messages: sent.map((value, i) => ({ key: `k-${i}`, value, headers: { ce_id: `id-${i}` } })),
    });
    const source = sourceOf(topic);
    running.push(source);
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const handler: SourceHandler = {
        startOffset: () => Promise.resolve(0),
        onBatch({ records }) {
          for (const { value, key, headers, offset, timeMs } of records) {
            expect(offset).toBe(seen.length);
            expect(Buffer.from(key!).toString()).toBe(`k-${offset}`);
            expect(String(headers!['ce_id'])).toBe(`id-${offset}`);
            expect(timeMs).toBeGreaterThan(1e12);
            seen.push(Buffer.from(value).toString());
          }
          if (seen.length === sent.length) resolve();
          return Promise.resolve();
        },
        onPoll: () => undefined,
        onPartitionFailure: (_, error) => reject(error),
      };
      source.run(handler).catch(reject);
    });
    expect(seen).toEqual(sent);
  },
  30_000,
);

test('a restart goes on where the store stands, not where the group does', async () => {
  const topic = await createTopic();
  await producer.send({ topic, messages: events(0, 50) });
  const first = createMemoryStore();
  const loop = loopOver(sourceOf(topic), first);
  await until(first, () => sampled(first).length === 50);
  await loop.stop();
  // Another store, which knows the first range alone: the group's offset is ahead of it.
  const second = createMemoryStore([first.batches[0]!]);
  loopOver(sourceOf(topic), second);
  await until(second, () => sampled(second).length === 50);
  expect(sampled(second)).toEqual(ids(50));
  expect(coverage(second.batches).get(`kafka:${topic}/0`)).toEqual(new Array(50).fill(1));
}, 40_000);

test('poison messages become dead letters with their bytes, and the rest goes on', async () => {
  const topic = await createTopic();
  const poison = Buffer.from([0xff, 0x00, 0x7b, 0x22]);
  await producer.send({
    topic,
    messages: [...events(0, 3), { value: poison }, { value: null }, ...events(3, 3)],
  });
  const store = createMemoryStore();
  loopOver(sourceOf(topic), store);
  await until(store, () => sampled(store).length === 6);
  const letters = store.batches.flatMap(({ deadLetters }) => deadLetters);
  expect(letters[0]!.position).toEqual({ source: `kafka:${topic}`, partition: 0, offset: 3 });
  expect(Buffer.from(letters[0]!.value).equals(poison)).toBe(true);
}, 30_000);

test('a second member takes over partitions with work in flight: every message counts', async () => {
  const topic = await createTopic(4);
  const store = createMemoryStore();
  const total = 400;
  await producer.send({ topic, messages: events(0, 200) });
  const one = sourceOf(topic);
  loopOver(one, store);
  await until(store, () => sampled(store).length > 20);
  const two = sourceOf(topic);
  loopOver(two, store);
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (one.partitions().length !== 2 || two.partitions().length !== 2) return;
      clearInterval(timer);
      resolve();
    }, 50);
  });
  await producer.send({ topic, messages: events(200, 200) });
  await until(store, () => new Set(sampled(store)).size === total);
  expect([...new Set(sampled(store))].sort()).toEqual(ids(total));
  await one.stop();
}, 60_000);

test('at the end of a topic it says so, also after a restart that brings nothing new', async () => {
  const topic = await createTopic();
  await producer.send({ topic, messages: events(0, 5) });
  const partition = { source: `kafka:${topic}`, partition: 0 };
  const store = createMemoryStore();
  for (let life = 0; life < 2; life++) {
    const source = sourceOf(topic);
    const loop = loopOver(source, store);
    while (!source.atEnd(partition)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(source.partitions()).toEqual([{ ...partition, next: 5, atEnd: true, lag: 0, paused: false }]);
    await until(store, () => sampled(store).length === 5);
    await loop.stop();
  }
}, 30_000);
