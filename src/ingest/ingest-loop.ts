import type { Clock } from '../domain/clock.ts';
import { AppError, toError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { Classifier } from './classify.ts';
import { createCommitQueue } from './commit-queue.ts';
import { realWait, withRetry } from './commit-retry.ts';
import type { Wait } from './commit-retry.ts';
import type { CommitPort } from './events.ts';
import { createLane } from './lane.ts';
import type { Lane, Rejected } from './lane.ts';
import type { IngestObserver } from './observer.ts';
import { createRejectionLog } from './rejection-log.ts';
import { partitionKey } from './source.ts';
import type { RawRecord, Source, SourceHandler, SourcePartition } from './source.ts';
import { createIngestTotals } from './totals.ts';
import type { IngestStatus } from './totals.ts';

/** When a commit is cut, and how much may wait for the store. */
export interface IngestLimits {
  /** A commit is cut after so many records, so many bytes kept, or so much time, whichever comes first. */
  readonly commitRecords: number;
  readonly commitBytes: number;
  readonly commitIntervalMs: number;
  /** Commits under way or waiting; beyond it the source waits. */
  readonly maxUncommitted: number;
  readonly retryFirstDelayMs: number;
  readonly retryLongestDelayMs: number;
}

export const DEFAULT_INGEST_LIMITS: IngestLimits = {
  commitRecords: 20_000,
  commitBytes: 8 * 2 ** 20,
  commitIntervalMs: 250,
  maxUncommitted: 4,
  retryFirstDelayMs: 100,
  retryLongestDelayMs: 10_000,
};

export interface IngestLoopOptions {
  readonly source: Source;
  readonly classify: Classifier;
  readonly port: CommitPort;
  readonly observer: IngestObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<IngestLimits>;
  readonly wait?: Wait;
}

export interface IngestLoop {
  /** Ingests until `stop`. Rejects with the first error that is not retryable; what is uncommitted then is read again. */
  run(): Promise<void>;
  /** Ends `run` after committing what was read, if the store answers at once. Idempotent. */
  stop(): Promise<void>;
  status(): IngestStatus;
}

/**
 * Reads a source, classifies every record and makes each stretch of a partition durable in one commit, whose range is
 * the position of record. Commits of a partition follow one another without a gap, so after a crash reading past the
 * last committed range loses nothing and repeats nothing.
 */
export function createIngestLoop(options: IngestLoopOptions): IngestLoop {
  const { source, port, observer, clock } = options;
  const limits = { ...DEFAULT_INGEST_LIMITS, ...options.limits };
  const logger = options.logger.child({ module: 'ingest' });
  const totals = createIngestTotals(clock);
  const stopping = new AbortController();
  const lanes = createLanes(options, limits, logger);
  const ending: Ending = { failure: undefined };
  let running: Promise<void> | undefined;
  const retrying = createRetrying({ options, limits, logger, totals, signal: stopping.signal });
  const queue = createCommitQueue({
    maxUncommitted: limits.maxUncommitted,
    commit: async (batch) => {
      await retrying(() => port.commit(batch), [partitionKey(batch.range), batch.range.first]);
      totals.add(batch);
      source.acknowledge(batch.range, batch.range.last);
      observer.committed(batch.range);
    },
    onFailure: (error, { range }) =>
      isRetryable(error) ? logger.warn({ err: error, range }, 'commit_abandoned_at_stop') : fail(error),
  });

  function fail(error: Error): void {
    ending.failure ??= error;
    endReading();
  }

  function endReading(): void {
    stopping.abort();
    queue.close();
    source.stop().catch((caught: unknown) => (ending.failure ??= toError(caught)));
  }

  function cut(lane: Lane): void {
    const batch = lane.cut();
    if (batch !== undefined) queue.push(batch);
  }

  const handler: SourceHandler = {
    async startOffset(partition) {
      // What this process still has under way of the partition, from before a rebalance, belongs to its position.
      await queue.drained();
      const positions = await retrying(() => port.lastPositions(), ['positions', partitionKey(partition)]);
      const last = positions.find((position) => partitionKey(position) === partitionKey(partition));
      if (last !== undefined) totals.resumed(last);
      return lanes.of(partition).restartAt((last?.offset ?? -1) + 1);
    },
    async onBatch(batch) {
      totals.tick();
      await queue.untilThereIsRoom();
      // Dropped here, read again after the restart: nothing of it was committed.
      if (stopping.signal.aborted) return;
      const lane = lanes.of(batch);
      lane.add(batch, clock.nowMs());
      if (lane.isFull(clock.nowMs())) cut(lane);
    },
    onPoll() {
      totals.tick();
      for (const lane of lanes.all()) if (lane.isFull(clock.nowMs())) cut(lane);
    },
    onPartitionFailure: (partition, error) => {
      logger.error({ err: error, ...partition }, 'partition_failed');
      observer.partitionFailed(partition, error);
    },
  };

  async function work(): Promise<void> {
    try {
      await source.run(handler);
    } catch (caught) {
      if (!(stopping.signal.aborted && isRetryable(caught))) fail(toError(caught));
    }
    stopping.abort();
    for (const lane of lanes.all()) cut(lane);
    await queue.drained();
    if (ending.failure !== undefined) throw ending.failure;
  }

  return {
    run: () => (running ??= work()),
    async stop() {
      endReading();
      // Whoever awaits run() learns of its failure; stop only waits for the end.
      await running?.catch(() => undefined);
    },
    status: () => totals.status(source.partitions(), queue.uncommitted),
  };
}

interface Ending {
  failure: Error | undefined;
}

interface Lanes {
  of(partition: SourcePartition): Lane;
  all(): Iterable<Lane>;
}

function createLanes({ classify, observer }: IngestLoopOptions, limits: IngestLimits, logger: Logger): Lanes {
  const lanes = new Map<string, Lane>();
  const rejections = createRejectionLog(logger);
  return {
    of({ source, partition: number }) {
      const partition = { source, partition: number };
      const key = partitionKey(partition);
      const known = lanes.get(key);
      if (known !== undefined) return known;
      const onRejected = ({ offset }: RawRecord, { outcome, reason, detail }: Rejected) => {
        const rejection = { position: { ...partition, offset }, outcome, reason, detail };
        rejections.log(rejection);
        observer.rejected(rejection);
      };
      const lane = createLane({ partition, classify, limits, onRejected });
      lanes.set(key, lane);
      return lane;
    },
    all: () => lanes.values(),
  };
}

interface RetryingOptions {
  readonly options: IngestLoopOptions;
  readonly limits: IngestLimits;
  readonly logger: Logger;
  readonly totals: { tick(): void; retried(): void };
  readonly signal: AbortSignal;
}

type Retrying = <T>(work: () => Promise<T>, identity: readonly (string | number)[]) => Promise<T>;

/** Calls to the store, with back-off; every attempt is a sign of life. */
function createRetrying({ options, limits, logger, totals, signal }: RetryingOptions): Retrying {
  return (work, identity) => {
    const attemptOnce: typeof work = () => {
      totals.tick();
      return work();
    };
    return withRetry(attemptOnce, {
      signal,
      wait: options.wait ?? realWait,
      firstDelayMs: limits.retryFirstDelayMs,
      longestDelayMs: limits.retryLongestDelayMs,
      identity,
      onRetry(error, attempt) {
        totals.retried();
        logger.warn({ err: error, attempt }, 'store_failed_will_retry');
        options.observer.commitRetried(error, attempt);
      },
    });
  };
}

function isRetryable(caught: unknown): boolean {
  return caught instanceof AppError && caught.retryable;
}
