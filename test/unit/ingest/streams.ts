import { AppError } from '../../../src/domain/errors.ts';
import type { Position } from '../../../src/domain/position.ts';
import type { CommitBatch, CommitPort } from '../../../src/ingest/events.ts';
import { createJsonEventFormat } from '../../../src/ingest/json-events.ts';
import type { FormatOptions } from '../../../src/ingest/format-options.ts';
import { partitionKey } from '../../../src/ingest/source.ts';
import type { RawBatch, RawRecord, Source, SourceHandler } from '../../../src/ingest/source.ts';

/** A tiny model: inputs of shape [2, 2] in [0, 1], three classes. */
export const TINY: FormatOptions = {
  model: 'tiny',
  classes: 3,
  input: { shape: [2, 2], range: [0, 1], scale: 1, offset: 0 },
  maxRowsPerEvent: 2,
};

export const tinyFormat = createJsonEventFormat(TINY);

export const NOON = '2026-01-31T12:00:00Z';
export const NOON_MS = Date.UTC(2026, 0, 31, 12);

export function request(id: string | number, more: object = {}): object {
  return {
    id,
    time: NOON,
    instances: [
      [
        [0, 0.25],
        [0.5, 1],
      ],
    ],
    ...more,
  };
}

export function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

export function recordOf(value: unknown, offset = 0): RawRecord {
  return { offset, value: bytesOf(value) };
}

export function batchOf(values: readonly unknown[], first = 0, source = 'test:a'): RawBatch {
  return { source, partition: 0, records: values.map((value, i) => recordOf(value, first + i)) };
}

/** Makes commits durable in memory; fails on demand before it does. */
export interface MemoryStore extends CommitPort {
  readonly batches: CommitBatch[];
  /** Errors to throw from the next commits, in order. */
  readonly failures: Error[];
  attempts: number;
  /** While set, commits wait for it. */
  gate: Promise<void> | undefined;
  /** Called after each commit. */
  onCommit: () => void;
}

export function createMemoryStore(batches: CommitBatch[] = []): MemoryStore {
  return {
    batches,
    failures: [],
    attempts: 0,
    gate: undefined,
    onCommit: () => undefined,
    async commit(batch) {
      this.attempts++;
      await this.gate;
      const failure = this.failures.shift();
      if (failure !== undefined) throw failure;
      batches.push(batch);
      this.onCommit();
    },
    lastPositions() {
      const last = new Map<string, Position>();
      for (const { range } of batches) {
        const { source, partition } = range;
        const key = partitionKey(range);
        last.set(key, { source, partition, offset: Math.max(range.last, last.get(key)?.offset ?? -1) });
      }
      return Promise.resolve([...last.values()]);
    },
  };
}

export function storeIsAway(): AppError {
  return new AppError('TEMPER_STORE_UNREACHABLE', 'the store does not answer', { retryable: true });
}

/** A source whose batches the test hands in one by one. */
export interface HandSource extends Source {
  deliver(batch: RawBatch): Promise<void>;
  poll(): void;
  readonly acknowledged: [string, number][];
  /** Resolves when `run` was called. */
  readonly started: Promise<SourceHandler>;
}

export function createHandSource(): HandSource {
  let handler: SourceHandler | undefined;
  let start: (handler: SourceHandler) => void;
  let finish: () => void = () => undefined;
  let refuse: (error: Error) => void = () => undefined;
  const started = new Promise<SourceHandler>((resolve) => (start = resolve));
  const acknowledged: [string, number][] = [];
  let stopped = false;
  return {
    started,
    acknowledged,
    run(given) {
      handler = given;
      start(given);
      return new Promise((resolve, reject) => {
        finish = resolve;
        refuse = reject;
        if (stopped) resolve();
      });
    },
    async deliver(batch) {
      await started;
      await handler!.onBatch(batch).catch((error: unknown) => refuse(error as Error));
    },
    poll: () => handler!.onPoll(),
    seek: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    atEnd: () => true,
    partitions: () => [],
    acknowledge: (partition, offset) => acknowledged.push([partitionKey(partition), offset]),
    stop() {
      stopped = true;
      finish();
      return Promise.resolve();
    },
  };
}

/** Adds the ranges up: how often each offset is covered, per partition. */
export function coverage(batches: readonly CommitBatch[]): Map<string, number[]> {
  const covered = new Map<string, number[]>();
  for (const { range } of batches) {
    const counts = covered.get(partitionKey(range)) ?? [];
    covered.set(partitionKey(range), counts);
    for (let offset = range.first; offset <= range.last; offset++) counts[offset] = (counts[offset] ?? 0) + 1;
  }
  return covered;
}
