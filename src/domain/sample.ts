import type { Position } from './position.ts';

/** One production input chosen for probing. A batched request yields several, `event id#row`. */
export interface Sample {
  readonly sampleId: string;
  readonly eventId: string;
  /** Row within the event's batch, from 0. */
  readonly row: number;
  readonly model: string;
  readonly position: Position;
  /** Event time in milliseconds since the Unix epoch: the broker's time stamp, or `time` in a file. */
  readonly eventTimeMs: number;
  /** Features in the replica's input space, shape [features]. */
  readonly input: Float32Array;
}

export function sampleIdOf(eventId: string, row: number): string {
  return `${eventId}#${row}`;
}
