import type { DeadLetterReason, DropReason, RedirectReason } from './events.ts';
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
  readonly response?: EventResponse;
  /** Why another decoder than the configured one read it. */
  readonly redirected?: RedirectReason;
}

/** What the served model answered, row by row: scores of shape [classes], or the class alone. */
export type EventResponse = { readonly version?: string } & (
  { readonly scores: readonly Float32Array[] } | { readonly classes: readonly number[] }
);

/** Names of the decoders, as in the configuration. */
export const EVENT_FORMAT_NAMES = [
  'json-events',
  'json-mapped',
  'predict-bodies',
  'kserve',
  'mlserver',
  'seldon',
  'prediction-log',
] as const;
export type EventFormatName = (typeof EVENT_FORMAT_NAMES)[number];

export type DecodeResult =
  | { readonly kind: 'ok'; readonly event: DecodedEvent }
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly detail: string }
  | { readonly kind: 'dead_letter'; readonly reason: DeadLetterReason; readonly detail: string }
  /** Another decoder's business. Followed once, by whoever put the decoders together. */
  | { readonly kind: 'redirect'; readonly to: EventFormatName; readonly reason: RedirectReason };

/** How the bytes of one kind of stream are read. Neither function ever throws. */
export interface EventFormat {
  /** Cheap: runs for every record, sampled or not. */
  identify(record: RawRecord): EventIdentity;
  /** @param positionId the id of a record that has none of its own */
  decode(record: RawRecord, identity: EventIdentity, positionId: string): DecodeResult;
}
