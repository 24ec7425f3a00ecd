import { KafkaJSNonRetriableError } from 'kafkajs';
import type { Admin, Batch, Consumer, EachBatchPayload } from 'kafkajs';
import { AppError, toError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Source, SourceHandler, SourcePartition } from '../source.ts';
import { createKafkaClient } from './client.ts';
import type { KafkaConnection } from './client.ts';
import { recordOf } from './record.ts';
import { createReaders, stateOf } from './readers.ts';
import type { Reader, Readers } from './readers.ts';

export interface KafkaSourceOptions {
  readonly connection: KafkaConnection;
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly maxPartitionBytes: number;
  /** Records that are given to the handler at a time. */
  readonly batchRecords: number;
  /** A consumer that shows no sign of life for so long is given up. */
  readonly stallSeconds: number;
  readonly logger: Logger;
}

const TICK_MS = 500;
const COMMIT_MS = 1000;
const STOP_MS = 10_000;

/** Source of a topic in positions: `kafka:<topic>`. */
export function kafkaSourceName(topic: string): string {
  return `kafka:${topic}`;
}

/**
 * Topics as a member of a consumer group. The position of record is the handler's: each time the group gives this
 * member a partition, reading begins where `startOffset` says, whatever the group has committed. Offsets are committed
 * after `acknowledge` alone, as a courtesy to tools that show lag. An error of the handler, an unknown error of the client,
 * and a client that falls silent end `run` with everything unacknowledged uncommitted; lost connections are tried again.
 */
export function createKafkaSource(options: KafkaSourceOptions): Source {
  const { topics, groupId, connection, maxPartitionBytes, sessionTimeoutMs } = options;
  const kafka = createKafkaClient(connection, options.logger);
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.floor(sessionTimeoutMs / 10),
    maxBytesPerPartition: maxPartitionBytes,
    maxWaitTimeInMs: TICK_MS,
    allowAutoTopicCreation: false,
    // Only what kafkajs holds to be worth another try comes here: lost connections, coordinators that moved.
    retry: { restartOnFailure: () => Promise.resolve(ending.failure === undefined && !ending.stopping) },
  });
  const admin = kafka.admin();
  const readers = createReaders();
  const ending: Ending = { failure: undefined, stopping: false, end: () => undefined };
  const life = { atMs: performance.now() };
  let running: Promise<void> | undefined;

  async function work(handler: SourceHandler): Promise<void> {
    const ended = new Promise<void>((resolve) => (ending.end = resolve));
    const parts: Parts = { options, consumer, admin, readers, ending, handler, life };
    watchConsumer(parts);
    const stopTicking = startTicking(parts);
    try {
      await Promise.all([consumer.connect(), admin.connect()]);
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => takeBatch(payload, parts),
      });
      if (!ending.stopping) await ended;
    } catch (caught) {
      ending.failure ??= sourceError(caught);
    } finally {
      stopTicking();
      await leave(parts);
    }
    if (ending.failure !== undefined) throw ending.failure;
  }

  return {
    run: (handler) => (running ??= work(handler)),
    seek(partition, offset) {
      const reader = readers.find(partition);
      if (reader === undefined) return;
      reader.next = offset;
      consumer.seek({ topic: reader.topic, partition: reader.partition, offset: String(offset) });
    },
    pause(partition) {
      const reader = readers.find(partition);
      if (reader === undefined) return;
      reader.paused = true;
      consumer.pause([{ topic: reader.topic, partitions: [reader.partition] }]);
    },
    resume(partition) {
      const reader = readers.find(partition);
      if (reader === undefined) return;
      reader.paused = false;
      consumer.resume([{ topic: reader.topic, partitions: [reader.partition] }]);
    },
    atEnd(partition) {
      const reader = readers.find(partition);
      return reader !== undefined && stateOf(reader).atEnd;
    },
    partitions: () => readers.all().map(stateOf),
    acknowledge(partition, offset) {
      const reader = readers.find(partition);
      if (reader !== undefined) reader.acknowledged = Math.max(reader.acknowledged ?? 0, offset);
    },
    async stop() {
      ending.stopping = true;
      ending.end();
      // Whoever awaits run() learns of its failure; stop only waits for the end.
      await running?.catch(() => undefined);
    },
  };
}

interface Ending {
  failure: Error | undefined;
  stopping: boolean;
  end: () => void;
}

interface Parts {
  readonly options: KafkaSourceOptions;
  readonly consumer: Consumer;
  readonly admin: Admin;
  readonly readers: Readers;
  readonly ending: Ending;
  readonly handler: SourceHandler;
  /** When the consumer last did something, by the monotonic clock. */
  readonly life: { atMs: number };
}

function fail({ ending }: Parts, error: Error): void {
  ending.failure ??= error;
  ending.end();
}

function watchConsumer(parts: Parts): void {
  const { consumer, readers, life, options } = parts;
  const { GROUP_JOIN, FETCH, FETCH_START, END_BATCH_PROCESS, CRASH } = consumer.events;
  const alive = (): void => {
    life.atMs = performance.now();
  };
  consumer.on(FETCH_START, alive);
  consumer.on(FETCH, alive);
  consumer.on(GROUP_JOIN, ({ payload }) => {
    alive();
    for (const reader of readers.assign(payload.memberAssignment)) {
      reader.starting = begin(reader, parts);
      reader.starting.catch(() => undefined); // reported by then
    }
    options.logger.info({ assignment: payload.memberAssignment }, 'kafka_partitions_assigned');
  });
  // Batches of control records alone reach nobody else, and the partition's end may lie behind them.
  consumer.on(END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset, highWatermark } }) => {
    const reader = readers.find({ source: kafkaSourceName(topic), partition });
    if (reader?.state !== 'reading' || reader.delivering !== undefined) return;
    reader.next = Math.max(reader.next, Number(lastOffset) + 1);
    reader.end = Math.max(reader.end ?? 0, Number(highWatermark));
  });
  consumer.on(CRASH, ({ payload: { error, restart } }) => {
    alive();
    if (!restart) fail(parts, sourceError(error));
  });
}

/** One fetch of one partition. Records are in memory, not durable, when it returns: only `acknowledge` leads to a commit. */
async function takeBatch(payload: EachBatchPayload, parts: Parts): Promise<void> {
  const { batch } = payload;
  const reader = parts.readers.find({ source: kafkaSourceName(batch.topic), partition: batch.partition });
  if (reader === undefined || reader.paused) return;
  const waiting = beating(payload);
  try {
    await waiting.until(Promise.resolve(reader.starting));
    if (payload.isStale()) return;
    noteGap(reader, batch, parts);
    reader.end = Number(batch.highWatermark);
    const { batchRecords } = parts.options;
    for (let from = 0; from < batch.messages.length; from += batchRecords) {
      if (!payload.isRunning() || payload.isStale() || parts.ending.stopping) return;
      const records = batch.messages.slice(from, from + batchRecords).map(recordOf);
      await waiting.until(deliver(reader, { records, parts }));
      payload.resolveOffset(String(reader.next - 1));
    }
  } finally {
    waiting.stop();
  }
}

/** Asks where a partition begins that the group just gave, and sends the consumer there. */
async function begin(reader: Reader, parts: Parts): Promise<void> {
  await reader.delivering?.catch(() => undefined);
  reader.delivering = undefined;
  reader.next = await refusing(parts.handler.startOffset(sourcePartition(reader)), parts);
  reader.state = 'sent';
  const { topic, partition, next } = reader;
  // A later rebalance asks anew.
  if (parts.readers.find(reader) === reader) parts.consumer.seek({ topic, partition, offset: String(next) });
}

/** After the seek a batch can begin later only if the records between are gone from the broker. */
function noteGap(reader: Reader, batch: Batch, { options }: Parts): void {
  const { source, partition, next, state } = reader;
  // Not in the types; the offset that the consumer asked the broker for.
  const from = Number((batch as unknown as { readonly fetchedOffset: string }).fetchedOffset);
  if (state === 'sent' && from > next)
    options.logger.error({ source, partition, expected: next, from }, 'records_gone_before_they_were_read');
  reader.state = 'reading';
}

async function deliver(
  reader: Reader,
  { records, parts }: { readonly records: readonly ReturnType<typeof recordOf>[]; readonly parts: Parts },
): Promise<void> {
  const delivering = refusing(parts.handler.onBatch({ ...sourcePartition(reader), records }), parts);
  reader.delivering = delivering;
  await delivering.finally(() => (reader.delivering = undefined));
  reader.next = records.at(-1)!.offset + 1;
}

/** A rejection of the handler ends the source; kafkajs must neither retry it nor start again. */
async function refusing<T>(work: Promise<T>, parts: Parts): Promise<T> {
  try {
    return await work;
  } catch (caught) {
    fail(parts, toError(caught));
    throw new KafkaJSNonRetriableError(toError(caught).message);
  }
}

/** Keeps the membership while something else takes long. The error of a heartbeat, say of a rebalance, ends the wait. */
function beating(payload: EachBatchPayload): { until<T>(work: Promise<T>): Promise<T>; stop(): void } {
  let refuse: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => (refuse = reject));
  // Seen by whoever waits at that moment; nobody may.
  lost.catch(() => undefined);
  const timer = setInterval(() => {
    payload.heartbeat().catch((caught: unknown) => refuse(toError(caught)));
  }, TICK_MS);
  return {
    async until(work) {
      // It may go on alone after a rebalance; its failure has been reported by then.
      work.catch(() => undefined);
      return Promise.race([work, lost]);
    },
    stop: () => clearInterval(timer),
  };
}

/** Signs of life to the handler, the watchdog over the consumer, and commits of what was acknowledged. */
function startTicking(parts: Parts): () => void {
  const { handler, life, options, readers } = parts;
  const poll = setInterval(() => {
    handler.onPoll();
    const silentMs = performance.now() - life.atMs;
    const isWaiting = readers.all().some(({ delivering }) => delivering !== undefined);
    if (isWaiting) life.atMs = performance.now();
    else if (silentMs > options.stallSeconds * 1000)
      fail(
        parts,
        new AppError(
          'TEMPER_INGEST_SOURCE',
          `kafka: expected a fetch within ${options.stallSeconds} s, the consumer has been silent for ${Math.round(silentMs / 1000)} s`,
        ),
      );
  }, TICK_MS);
  const commit = setInterval(() => {
    void look(parts); // never rejects: it logs
  }, COMMIT_MS);
  return () => {
    clearInterval(poll);
    clearInterval(commit);
  };
}

async function look(parts: Parts): Promise<void> {
  const { admin, readers, options } = parts;
  try {
    await commitAcknowledged(parts);
    for (const topic of readers.topics()) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const reader = readers.find({ source: kafkaSourceName(topic), partition });
        if (reader !== undefined) reader.end = Math.max(reader.end ?? 0, Number(high));
      }
    }
  } catch (caught) {
    options.logger.warn({ err: toError(caught) }, 'kafka_look_failed');
  }
}

async function commitAcknowledged({ consumer, readers }: Parts): Promise<void> {
  const due = readers.all().filter(({ acknowledged, committed }) => acknowledged !== committed);
  if (due.length === 0) return;
  const marks = due.map((reader) => ({ reader, offset: reader.acknowledged! }));
  await consumer.commitOffsets(
    marks.map(({ reader: { topic, partition }, offset }) => ({
      topic,
      partition,
      offset: String(offset + 1),
    })),
  );
  for (const { reader, offset } of marks) reader.committed = offset;
}

/** Leaves the group, so that others take over at once, and closes the connections; a dead broker delays it no longer than that. */
async function leave(parts: Parts): Promise<void> {
  const { consumer, admin, options } = parts;
  const leaving = (async () => {
    await commitAcknowledged(parts).catch(() => undefined);
    await consumer.stop();
    await Promise.all([consumer.disconnect(), admin.disconnect()]);
  })().catch((caught: unknown) => options.logger.warn({ err: toError(caught) }, 'kafka_leave_failed'));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_MS)));
  await Promise.race([leaving, late]);
  clearTimeout(timer);
}

function sourcePartition({ source, partition }: Reader): SourcePartition {
  return { source, partition };
}

function sourceError(caught: unknown): Error {
  if (caught instanceof AppError) return caught;
  const cause = toError(caught);
  return new AppError('TEMPER_INGEST_SOURCE', `kafka: ${cause.message}`, { cause });
}
