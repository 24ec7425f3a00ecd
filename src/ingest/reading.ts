import { gunzipSync } from 'node:zlib';

import { headerText } from '../protocols/cloudevents.ts';
import type { DecodedEvent, EventFormat, EventIdentity } from './event-format.ts';
import type { EventFormatName } from './event-format.ts';
import { parseEventTime } from './event-time.ts';
import type { DropReason, RedirectReason } from './events.ts';
import { idText } from './scan-id.ts';
import type { RawRecord } from './source.ts';
import { fault, isFault, printValue } from './tensor-rows.ts';
import type { Fault } from './tensor-rows.ts';

/** Understood, but not wanted. */
export interface Drop {
  readonly drop: DropReason;
  readonly detail: string;
}

/** Another decoder's business. */
export interface Redirect {
  readonly redirect: EventFormatName;
  readonly why: RedirectReason;
}

/** What a decoder makes of a record: the event, or why there is none. */
export type Reading = DecodedEvent | Fault | Drop | Redirect;

export function isDrop(value: object): value is Drop {
  return 'drop' in value;
}

/** Whether a reading ended without an event. */
export function isEnd(value: object): value is Fault | Drop | Redirect {
  return isFault(value) || isDrop(value) || 'redirect' in value;
}

export interface FormatParts {
  readonly identify: (record: RawRecord) => EventIdentity;
  /** @param positionId the id of a record that has none of its own */
  readonly read: (record: RawRecord, identity: EventIdentity, positionId: string) => Reading;
}

/** A decoder out of its two functions; what is common to all is done here. */
export function createFormat({ identify, read }: FormatParts): EventFormat {
  return {
    identify,
    decode(record, identity, positionId) {
      if (isBlank(record.value))
        return { kind: 'drop', reason: 'empty_record', detail: 'record: expected an event, got nothing' };
      const reading = read(record, identity, positionId);
      if (isDrop(reading)) return { kind: 'drop', reason: reading.drop, detail: reading.detail };
      if ('redirect' in reading) return { kind: 'redirect', to: reading.redirect, reason: reading.why };
      if (isFault(reading)) return { kind: 'dead_letter', ...reading };
      return { kind: 'ok', event: reading };
    },
  };
}

/** Time of an event: the transport's before its own, whose clock and format are anybody's. */
export function readTime({ timeMs }: RawRecord, own: unknown, place: string): number | Fault {
  if (timeMs !== undefined) return timeMs;
  const parsed = typeof own === 'string' ? parseEventTime(own) : undefined;
  return parsed ?? fault('bad_time', place, 'an RFC 3339 time like 2026-01-31T12:00:00Z', printValue(own));
}

const NONE: EventIdentity = { kind: 'none' };
const UNCLEAR: EventIdentity = { kind: 'unclear' };

/** The id that the first of these headers carries. */
export function identifyByHeader(record: RawRecord, names: readonly string[]): EventIdentity {
  if (record.headers === undefined) return NONE;
  for (const name of names) {
    const text = headerText(record.headers, name);
    if (text !== undefined) return identityOf(text);
  }
  return NONE;
}

/** The id that is the record's key. */
export function identifyByKey({ key }: RawRecord): EventIdentity {
  return key === undefined || key.length === 0 ? NONE : identityOf(Buffer.from(key).toString('utf8'));
}

export function identityOf(text: string): EventIdentity {
  const id = idText(text);
  return id === undefined ? UNCLEAR : { kind: 'id', id };
}

/**
 * Bytes of a body, unpacked where they are gzip (loggers lose the header that says so), and never more than the limit.
 */
export function openBody(body: Uint8Array, maxBytes: number): Uint8Array | Fault {
  if (body.length > maxBytes)
    return fault('body_too_large', 'body', `at most ${maxBytes} bytes`, `${body.length}`);
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return gunzipSync(body, { maxOutputLength: maxBytes, chunkSize: chunkSizeOf(body) });
  } catch (caught) {
    const isTooLarge = (caught as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge
      ? fault('body_too_large', 'body', `at most ${maxBytes} bytes when unpacked`, 'more')
      : fault('malformed_body', 'body', 'gzip, as its first bytes say', 'something else');
  }
}

/**
 * A decompressor that failed keeps its output buffer until the event loop turns, and a batch of broken bodies is read in
 * one turn: small bodies get small buffers.
 */
function chunkSizeOf(body: Uint8Array): number {
  return Math.min(64 * 1024, Math.max(64, 4 * body.length));
}

/** True for nothing but white space, as a line of a file may be. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
