import type { DeadLetterReason, DropReason } from './events.ts';
import type { RawRecord } from './source.ts';

/** The id under which an event is sampled and joined, read without decoding the body. */
export type EventIdentity =
  | { readonly kind: 'id'; readonly id: string }
  /** The record has no id: it is sampled by its position. */
  | { readonly kind: 'none' }
  /** Something stands where the id should be, or the record cannot be read at all: decoding will say what is wrong. */
  | { readonly kind: 'unclear' };

/** An event in the words of this project. At least one of rows, labels and response is there. */
export interface DecodedEvent {
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly model: string;
  /** Inputs of a request, each of the model's shape, flattened row-major. */
  readonly rows?: readonly Float32Array[];
  readonly rowsBeyondLimit: number;
  readonly labels?: readonly { readonly row: number; readonly label: number }[];
  readonly response?: { readonly scores: readonly Float32Array[]; readonly version?: string };
}

export type DecodeResult =
  | { readonly kind: 'ok'; readonly event: DecodedEvent }
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly detail: string }
  | { readonly kind: 'dead_letter'; readonly reason: DeadLetterReason; readonly detail: string };

/** How the bytes of one kind of stream are read. Neither function ever throws. */
export interface EventFormat {
  /** Cheap: runs for every record, sampled or not. */
  identify(record: RawRecord): EventIdentity;
  /** @param positionId the id of a record that has none of its own */
  decode(record: RawRecord, identity: EventIdentity, positionId: string): DecodeResult;
}
