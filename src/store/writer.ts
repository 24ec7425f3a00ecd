import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { createRng, type Rng } from '../domain/rng.ts';
import type { Connection } from './connection.ts';
import type { Row } from './row-json.ts';

/** Where rows go to become durable: a connection, or a writer in front of one. */
export type RowSink = Pick<Writer, 'write'>;

export interface Writer {
  /** Resolves when the rows are acknowledged, all in one insert. */
  write(table: string, rows: readonly Row[]): Promise<void>;
  /** Sends what waits, without waiting any longer for more; what cannot be sent at once is rejected. */
  close(): Promise<void>;
}

export interface WriterOptions {
  readonly connection: Pick<Connection, 'insert'>;
  readonly logger: Logger;
  /** Names the stream of jitter, so that two processes do not retry in step. */
  readonly identity: string;
  /** A table is sent when so many rows wait for it, default 1,000 … */
  readonly flushRows?: number;
  /** … or when the first of them has waited so long, ms, default 200. */
  readonly flushMs?: number;
  /** A store that is away is tried again for so long, ms, default 10,000; then the writes are rejected. */
  readonly retryMs?: number;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

/**
 * Gathers small writes into few inserts: ClickHouse makes a part of every insert and merges them later. Each table has a
 * lane of its own with at most one insert under way, so rows of a table become durable in the order of their writes, and
 * what arrives meanwhile goes together into the next. A lane is idle, waiting (for rows or time), or sending:
 *
 *     idle ──write──► waiting ──enough rows, time is up, or close──► sending ──nothing queued──► idle
 *                        ▲───────────────────more was queued─────────────┘
 *
 * Memory is bounded by whoever writes: a write resolves when it is durable, so one who awaits it cannot run ahead of the
 * store; and an insert takes no further write once it has enough rows.
 *
 * Retries send the very same rows, hence the same token, so an insert whose answer was lost is not written twice.
 */
export function createWriter(options: WriterOptions): Writer {
  const lanes = new Map<string, Lane>();
  const closing = new AbortController();
  const laneOf = (table: string): Lane => {
    let lane = lanes.get(table);
    if (lane === undefined) lanes.set(table, (lane = createLane(table, options, closing.signal)));
    return lane;
  };
  return {
    async write(table, rows) {
      if (closing.signal.aborted)
        throw new AppError('TEMPER_INTERRUPTED', `the writer of ${table} is closed`);
      if (rows.length > 0) await laneOf(table).write(rows);
    },
    async close() {
      closing.abort();
      await Promise.all([...lanes.values()].map((lane) => lane.drain()));
    },
  };
}

interface Pending {
  readonly rows: readonly Row[];
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

interface Lane {
  write(rows: readonly Row[]): Promise<void>;
  drain(): Promise<void>;
}

function createLane(table: string, options: WriterOptions, closing: AbortSignal): Lane {
  const { flushRows = 1000, flushMs = 200 } = options;
  const send = createSender(table, options, closing);
  const queue: Pending[] = [];
  let queuedRows = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  const take = (): Pending[] => {
    const batch: Pending[] = [];
    for (let rows = 0; rows < flushRows && queue.length > 0;) {
      const next = queue.shift()!;
      batch.push(next);
      rows += next.rows.length;
    }
    queuedRows -= countRows(batch);
    return batch;
  };
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    await send(take());
    sending = undefined;
    schedule();
  };
  const schedule = (): void => {
    if (sending !== undefined || queue.length === 0) return;
    // Never rejects: the sender settles each write by itself.
    if (queuedRows >= flushRows || closing.aborted) sending = run();
    else {
      timer ??= setTimeout(() => {
        sending = run();
      }, flushMs);
    }
  };
  return {
    write: (rows) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ rows, resolve, reject });
        queuedRows += rows.length;
        schedule();
      }),
    async drain() {
      schedule();
      while (sending !== undefined) await sending;
    },
  };
}

/** Sends a batch as one insert and settles its writes. Never rejects. */
function createSender(
  table: string,
  options: WriterOptions,
  closing: AbortSignal,
): (batch: readonly Pending[]) => Promise<void> {
  const rng = createRng('store-writer', options.identity, table);
  const insert = (rows: readonly Row[]): Promise<void> =>
    insertPatiently(table, rows, { options, closing, rng });
  const sendAlone = async (pending: Pending): Promise<void> => {
    await insert(pending.rows).then(pending.resolve, (caught: unknown) => pending.reject(toError(caught)));
  };
  return async (batch) => {
    if (batch.length === 1) return sendAlone(batch[0]!);
    try {
      await insert(batch.flatMap(({ rows }) => rows));
      for (const pending of batch) pending.resolve();
    } catch (caught) {
      const error = toError(caught);
      if (isRetryable(error)) for (const pending of batch) pending.reject(error);
      // One of them brought a row that ClickHouse does not take; the others must not suffer for it.
      else for (const pending of batch) await sendAlone(pending);
    }
  };
}

interface Patience {
  readonly options: WriterOptions;
  readonly closing: AbortSignal;
  readonly rng: Rng;
}

/** Tries again with the same rows while that may help: doubling delays with a jitter in [0.5, 1). */
async function insertPatiently(
  table: string,
  rows: readonly Row[],
  { options, closing, rng }: Patience,
): Promise<void> {
  const { connection, logger, retryMs = 10_000 } = options;
  const deadline = performance.now() + retryMs;
  for (let attempt = 0; ; attempt++) {
    try {
      await connection.insert(table, rows);
      return;
    } catch (caught) {
      const error = toError(caught);
      const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.5 + 0.5 * rng.uniform());
      if (!isRetryable(error) || closing.aborted || performance.now() + delayMs > deadline) throw error;
      logger.warn(
        { table, rows: rows.length, attempt: attempt + 1, err: error.message },
        'store_insert_retried',
      );
      // Its only rejection is the abort: then one last try follows.
      await sleep(delayMs, undefined, { signal: closing }).catch(() => undefined);
    }
  }
}

function isRetryable(error: Error): boolean {
  return error instanceof AppError && error.retryable;
}

function countRows(batch: readonly Pending[]): number {
  return batch.reduce((sum, { rows }) => sum + rows.length, 0);
}
