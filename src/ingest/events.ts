import type { Position } from '../domain/position.ts';
import type { Sample } from '../domain/sample.ts';
import type { SourcePartition } from './source.ts';

/** Every record ends in exactly one of these. */
export const EVENT_OUTCOMES = ['sampled', 'skipped', 'label', 'response', 'dropped', 'dead_letter'] as const;
export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

/** Not chosen: no fault of the record. */
export const SKIP_REASONS = ['unsampled', 'probe_traffic'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** Understood, and of no use here. */
export const DROP_REASONS = [
  'unknown_model',
  'other_component',
  'other_event',
  'too_many_rows',
  'empty_record',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Not what its format promises: kept with its bytes, so that a person can look. */
export const DEAD_LETTER_REASONS = [
  'malformed_json',
  'malformed_body',
  'body_too_large',
  'unrecognised_event',
  'missing_id',
  'bad_id',
  'bad_time',
  'bad_label',
  'bad_prediction',
  'wrong_shape',
  'not_a_number',
  'not_finite',
  'out_of_range',
  'line_too_long',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** Read by another decoder than the configured one: labels as plain JSON beside a server's own format. */
export const REDIRECT_REASONS = ['plain_json'] as const;
export type RedirectReason = (typeof REDIRECT_REASONS)[number];

export const EVENT_REASONS = [
  ...SKIP_REASONS,
  ...DROP_REASONS,
  ...DEAD_LETTER_REASONS,
  ...REDIRECT_REASONS,
] as const;
export type EventReason = (typeof EVENT_REASONS)[number];

/** One label of one row of an event; belongs to the sample of the same id, whenever that arrives. */
export interface LabelRecord {
  readonly sampleId: string;
  readonly eventId: string;
  readonly row: number;
  /** Class, 0 … classes − 1. */
  readonly label: number;
  readonly eventTimeMs: number;
  readonly position: Position;
}

/** What the served model answered for one row of an event. */
export interface ResponseRecord {
  readonly sampleId: string;
  readonly eventId: string;
  readonly row: number;
  /** As logged, shape [classes]; empty where the log has the class alone. */
  readonly scores: Float32Array;
  /** The class that was answered: of the largest score, the first where several are. */
  readonly predicted: number;
  readonly version?: string;
  readonly eventTimeMs: number;
  readonly position: Position;
}

/** A record that could not be used, as it arrived. */
export interface DeadLetter {
  readonly position: Position;
  readonly reason: DeadLetterReason;
  /** Place, rule and what was there: `instances[0][13]: expected a number in [0, 1], got 1.7`. */
  readonly detail: string;
  readonly value: Uint8Array;
  readonly key?: Uint8Array;
  readonly headers?: Readonly<Record<string, string | Uint8Array | undefined>>;
}

/** The position of record: records first … last of a partition are accounted for. */
export interface IngestRange extends SourcePartition {
  readonly first: number;
  readonly last: number;
  /** Records per outcome; their sum is the number of records in the range. */
  readonly counts: Readonly<Record<EventOutcome, number>>;
  /** Skipped, dropped, dead-lettered and redirected records per reason. */
  readonly reasons: Readonly<Partial<Record<EventReason, number>>>;
  /** Rows of sampled events that were left out because the event had more than the configured number. */
  readonly rowsBeyondLimit: number;
}

/** Everything that one range brought, to be made durable together, the range last. */
export interface CommitBatch {
  readonly range: IngestRange;
  readonly samples: readonly Sample[];
  readonly labels: readonly LabelRecord[];
  readonly responses: readonly ResponseRecord[];
  readonly deadLetters: readonly DeadLetter[];
  /** When the first record of the range was read, ms since the Unix epoch. */
  readonly ingestedAtMs: number;
}

/** Where ingest makes things durable. Implemented on the store. */
export interface CommitPort {
  /**
   * Resolves when everything in the batch is durable. A retryable AppError means: try the same batch again later; any
   * other error stops ingest with the batch uncommitted. Called in order within a partition.
   */
  commit(batch: CommitBatch): Promise<void>;
  /** Last committed offset (inclusive) of every partition. */
  lastPositions(): Promise<readonly Position[]>;
}
