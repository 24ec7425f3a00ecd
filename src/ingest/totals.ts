import type { Clock } from '../domain/clock.ts';
import type { Position } from '../domain/position.ts';
import { EVENT_OUTCOMES } from './events.ts';
import type { CommitBatch, EventOutcome, EventReason } from './events.ts';
import { partitionKey } from './source.ts';
import type { PartitionState } from './source.ts';

/** What ingest has done since it started. Events count when they are committed. */
export interface IngestStatus {
  readonly counts: Readonly<Record<EventOutcome, number>>;
  readonly reasons: Readonly<Partial<Record<EventReason, number>>>;
  readonly samples: number;
  readonly rowsBeyondLimit: number;
  readonly commits: number;
  readonly commitRetries: number;
  /** Commits that wait for the store. */
  readonly uncommitted: number;
  /** Records that exist and were not read yet; an estimate. */
  readonly lag: number;
  readonly partitions: readonly PartitionState[];
  /** Last committed offset per partition. */
  readonly positions: readonly Position[];
  /** When the loop last showed a sign of life, ms since the Unix epoch. */
  readonly lastTickMs: number | undefined;
}

export interface IngestTotals {
  tick(): void;
  retried(): void;
  /** Where a partition stood when reading it began. */
  resumed(position: Position): void;
  add(batch: CommitBatch): void;
  status(partitions: readonly PartitionState[], uncommitted: number): IngestStatus;
}

export function createIngestTotals(clock: Clock): IngestTotals {
  const counts = Object.fromEntries(EVENT_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    EventOutcome,
    number
  >;
  const reasons: Partial<Record<EventReason, number>> = {};
  const positions = new Map<string, Position>();
  let samples = 0;
  let rowsBeyondLimit = 0;
  let commits = 0;
  let commitRetries = 0;
  let lastTickMs: number | undefined;
  return {
    tick() {
      lastTickMs = clock.nowMs();
    },
    retried() {
      commitRetries++;
    },
    resumed(position) {
      positions.set(partitionKey(position), position);
    },
    add({ range, samples: added }) {
      const { source, partition, last } = range;
      positions.set(partitionKey(range), { source, partition, offset: last });
      commits++;
      samples += added.length;
      rowsBeyondLimit += range.rowsBeyondLimit;
      for (const outcome of EVENT_OUTCOMES) counts[outcome] += range.counts[outcome];
      for (const [reason, count] of Object.entries(range.reasons) as [EventReason, number][])
        reasons[reason] = (reasons[reason] ?? 0) + count;
    },
    status(partitions, uncommitted) {
      const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0);
      const done = { counts: { ...counts }, reasons: { ...reasons }, samples, rowsBeyondLimit };
      const progress = { commits, commitRetries, uncommitted, lag };
      return { ...done, ...progress, partitions, positions: [...positions.values()], lastTickMs };
    },
  };
}
