import type { Position } from '../domain/position.ts';
import { sampleIdOf } from '../domain/sample.ts';
import type { Sample } from '../domain/sample.ts';
import type { Classification } from './classify.ts';
import type { DecodedEvent, EventResponse } from './event-format.ts';
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
      const { event } = classification;
      if (event.redirected !== undefined) reasons[event.redirected] = (reasons[event.redirected] ?? 0) + 1;
      rowsBeyondLimit += event.rowsBeyondLimit;
      sizeBytes += addEvent(rows, event, positionOf(partition, record));
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
  for (const { row, ...answer } of answersOf(event.response)) {
    rows.responses.push({ ...about(row), ...answer });
    sizeBytes += answer.scores.byteLength + ROW_OVERHEAD_BYTES;
  }
  return sizeBytes;
}

type Answer = Pick<ResponseRecord, 'row' | 'scores' | 'predicted' | 'version'>;

const NO_SCORES = new Float32Array(0);

function answersOf(response: EventResponse | undefined): readonly Answer[] {
  if (response === undefined) return [];
  const version = response.version === undefined ? {} : { version: response.version };
  return 'scores' in response
    ? response.scores.map((scores, row) => ({ row, scores, predicted: largestAt(scores), ...version }))
    : response.classes.map((predicted, row) => ({ row, scores: NO_SCORES, predicted, ...version }));
}

function largestAt(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
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
