import type { Classification, Classifier } from './classify.ts';
import { createCommitBuilder } from './commit-builder.ts';
import type { CommitBuilder } from './commit-builder.ts';
import type { CommitBatch } from './events.ts';
import type { RawBatch, RawRecord, SourcePartition } from './source.ts';

/** The records of one partition that were classified and wait to be cut into a commit. */
export interface Lane {
  readonly partition: SourcePartition;
  /** Reading begins anew at this offset: records below it are repeats, and what waits is forgotten. */
  restartAt(offset: number): number;
  add(batch: RawBatch, nowMs: number): void;
  isFull(nowMs: number): boolean;
  /** Takes out what waits. */
  cut(): CommitBatch | undefined;
}

export interface LaneOptions {
  readonly partition: SourcePartition;
  readonly classify: Classifier;
  readonly limits: {
    readonly commitRecords: number;
    readonly commitBytes: number;
    readonly commitIntervalMs: number;
  };
  readonly onRejected: (record: RawRecord, classification: Rejected) => void;
}

export type Rejected = Extract<Classification, { outcome: 'dropped' | 'dead_letter' }>;

export function createLane({ partition, classify, limits, onRejected }: LaneOptions): Lane {
  let next = 0;
  let open: CommitBuilder | undefined;
  return {
    partition,
    restartAt(offset) {
      open = undefined;
      next = offset;
      return next;
    },
    add(batch, nowMs) {
      for (const record of batch.records) {
        if (record.offset < next) continue;
        open ??= createCommitBuilder(partition, nowMs);
        const classification = classify(record, partition);
        open.add(record, classification);
        next = record.offset + 1;
        if (classification.outcome === 'dropped' || classification.outcome === 'dead_letter')
          onRejected(record, classification);
      }
    },
    isFull(nowMs) {
      if (open === undefined) return false;
      return (
        open.records >= limits.commitRecords ||
        open.sizeBytes >= limits.commitBytes ||
        nowMs - open.ingestedAtMs >= limits.commitIntervalMs
      );
    },
    cut() {
      const batch = open?.build();
      open = undefined;
      return batch;
    },
  };
}
