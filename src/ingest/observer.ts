import type { Position } from '../domain/position.ts';
import type { DeadLetterReason, DropReason, IngestRange } from './events.ts';
import type { SourcePartition } from './source.ts';

/** What ingest tells metrics. No method may throw. */
export interface IngestObserver {
  /** A range became durable: the moment to count events. */
  committed(range: IngestRange): void;
  /** A commit failed and will be tried again. */
  commitRetried(error: Error, attempt: number): void;
  /** A record was dropped or dead-lettered (it is counted by `committed`, later). */
  rejected(rejection: Rejection): void;
  partitionFailed(partition: SourcePartition, error: Error): void;
}

export interface Rejection {
  readonly position: Position;
  readonly outcome: 'dropped' | 'dead_letter';
  readonly reason: DropReason | DeadLetterReason;
  readonly detail: string;
}

export const silentIngestObserver: IngestObserver = {
  committed: () => undefined,
  commitRetried: () => undefined,
  rejected: () => undefined,
  partitionFailed: () => undefined,
};
