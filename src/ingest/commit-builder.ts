import type { Position } from '../domain/position.ts';
import { sampleIdOf } from '../domain/sample.ts';
import type { Sample } from '../domain/sample.ts';
import type { Classification } from './classify.ts';
import type { DecodedEvent } from './event-format.ts';
import { EVENT_OUTCOMES } from './events.ts';
import type {
  CommitBatch,
  DeadLetter,
  EventOutcome,
  EventReason,
  LabelRecord,
  ResponseRecord,
} from './events.ts';
import type { RawRecord, SourcePartition } from './source.ts';

/** Collects the classified records of a stretch of one partition into one commit. */
export interface CommitBuilder {
  add(record: RawRecord, classification: Classification): void;
  /** Records added, and an estimate of the bytes kept for them. */
  readonly records: number;
  readonly sizeBytes: number;
  readonly ingestedAtMs: number;
  build(): CommitBatch;
}

const ROW_OVERHEAD_BYTES = 200;

export function createCommitBuilder(partition: SourcePartition, ingestedAtMs: number): CommitBuilder {
  const counts = Object.fromEntries(EVENT_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    EventOutcome,
    number
  >;
  const reasons: Partial<Record<EventReason, number>> = {};
  const rows: Rows = { samples: [], labels: [], responses: [], deadLetters: [] };
  let first: number | undefined;
  let last = -1;
  let records = 0;
  let sizeBytes = 0;
  let rowsBeyondLimit = 0;

  return {
    add(record, classification) {
      first ??= record.offset;
      last = record.offset;
      records++;
      counts[classification.outcome]++;
      if ('reason' in classification) {
        reasons[classification.reason] = (reasons[classification.reason] ?? 0) + 1;
        if (classification.outcome === 'dead_letter') {
          rows.deadLetters.push(deadLetterOf(record, classification, positionOf(partition, record)));
          sizeBytes += record.value.length + ROW_OVERHEAD_BYTES;
        }
        return;
      }
      rowsBeyondLimit += classification.event.rowsBeyondLimit;
      sizeBytes += addEvent(rows, classification.event, positionOf(partition, record));
    },
    get records() {
      return records;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    ingestedAtMs,
    build() {
      const { source, partition: number } = partition;
      const range = { source, partition: number, first: first ?? 0, last, counts, reasons, rowsBeyondLimit };
      return { range, ...rows, ingestedAtMs };
    },
  };
}

interface Rows {
  readonly samples: Sample[];
  readonly labels: LabelRecord[];
  readonly responses: ResponseRecord[];
  readonly deadLetters: DeadLetter[];
}

function positionOf({ source, partition }: SourcePartition, { offset }: RawRecord): Position {
  return { source, partition, offset };
}

/** Appends an event's rows; returns an estimate of the bytes they hold. */
function addEvent(rows: Rows, event: DecodedEvent, position: Position): number {
  const { eventId, eventTimeMs, model } = event;
  const about = (row: number) => ({
    sampleId: sampleIdOf(eventId, row),
    eventId,
    row,
    eventTimeMs,
    position,
  });
  let sizeBytes = 0;
  event.rows?.forEach((input, row) => {
    rows.samples.push({ ...about(row), model, input });
    sizeBytes += input.byteLength + ROW_OVERHEAD_BYTES;
  });
  for (const { row, label } of event.labels ?? []) {
    rows.labels.push({ ...about(row), label });
    sizeBytes += ROW_OVERHEAD_BYTES;
  }
  const version = event.response?.version;
  event.response?.scores.forEach((scores, row) => {
    rows.responses.push({ ...about(row), scores, ...(version === undefined ? {} : { version }) });
    sizeBytes += scores.byteLength + ROW_OVERHEAD_BYTES;
  });
  return sizeBytes;
}

/** The bytes are copied: they belong to the source's read buffer. */
function deadLetterOf(
  { value, key, headers }: RawRecord,
  { reason, detail }: Extract<Classification, { outcome: 'dead_letter' }>,
  position: Position,
): DeadLetter {
  return {
    position,
    reason,
    detail,
    value: value.slice(),
    ...(key === undefined ? {} : { key: key.slice() }),
    ...(headers === undefined ? {} : { headers }),
  };
}
