import { toError } from '../domain/errors.ts';
import type { CommitBatch } from './events.ts';
import { partitionKey } from './source.ts';

/** Commits on their way to the store: in order within a partition, bounded over all. */
export interface CommitQueue {
  /** Commits under way or waiting. */
  readonly uncommitted: number;
  /** Resolves when another commit may be pushed, or when the queue was closed. Partitions that wait together may exceed the bound by one each. */
  untilThereIsRoom(): Promise<void>;
  push(batch: CommitBatch): void;
  /** Nobody waits for room any more. */
  close(): void;
  /** Resolves when every commit ended, one way or another. */
  drained(): Promise<void>;
}

export interface CommitQueueOptions {
  readonly maxUncommitted: number;
  /** Makes a batch durable, retrying as it sees fit. */
  readonly commit: (batch: CommitBatch) => Promise<void>;
  /** A commit was given up. Later ones of its partition are not tried: they would leave a gap. */
  readonly onFailure: (error: Error, batch: CommitBatch) => void;
}

export function createCommitQueue({ maxUncommitted, commit, onFailure }: CommitQueueOptions): CommitQueue {
  /** The last commit of each partition: resolves to whether all of them succeeded so far. */
  const chains = new Map<string, Promise<boolean>>();
  let uncommitted = 0;
  let closed = false;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  }

  async function commitAfter(previous: Promise<boolean>, batch: CommitBatch): Promise<boolean> {
    try {
      if (!(await previous)) return false;
      await commit(batch);
      return true;
    } catch (caught) {
      onFailure(toError(caught), batch);
      return false;
    } finally {
      uncommitted--;
      wake();
    }
  }

  return {
    get uncommitted() {
      return uncommitted;
    },
    async untilThereIsRoom() {
      while (uncommitted >= maxUncommitted && !closed)
        await new Promise<void>((resolve) => waiting.push(resolve));
    },
    push(batch) {
      uncommitted++;
      const key = partitionKey(batch.range);
      chains.set(key, commitAfter(chains.get(key) ?? Promise.resolve(true), batch));
    },
    close() {
      closed = true;
      wake();
    },
    async drained() {
      await Promise.all(chains.values());
    },
  };
}
