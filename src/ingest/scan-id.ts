import { endOfJsonString, endOfJsonValue, skipJsonSpace } from '../protocols/json-extent.ts';
import type { EventIdentity } from './event-format.ts';

/** Ids longer than this many bytes are not ids. */
export const MAX_ID_BYTES = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NONE: EventIdentity = { kind: 'none' };
const UNCLEAR: EventIdentity = { kind: 'unclear' };

/** What `findMember` answers when there is no value to point to. */
const ABSENT = -1;
const BROKEN = -2;

/**
 * Reads the id of a JSON event without parsing the rest: members before it are stepped over, those after it are not
 * looked at. When a key repeats, the first one counts. The scanner never throws; O(bytes up to the id).
 *
 * A string id is its own text. A number is its text as written when it is an integer (so that ids beyond 2^53 keep
 * their digits), otherwise the shortest text of its value. `null` counts as no id.
 *
 * @param path names of the members that lead to it, outermost first
 */
export function createIdScanner(path: readonly string[]): (bytes: Uint8Array) => EventIdentity {
  const keys = path.map((name): Key => ({ name, bytes: Buffer.from(name) }));
  return (bytes) => {
    let at = skipJsonSpace(bytes, 0);
    for (const key of keys) {
      at = findMember(bytes, at, key);
      if (at < 0) return at === ABSENT ? NONE : UNCLEAR;
    }
    return readId(bytes, at);
  };
}

/** Reads the top-level `"id"`. */
export const scanTopLevelId = createIdScanner(['id']);

interface Key {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where the value of a member begins, in the object that opens at `start`. */
function findMember(bytes: Uint8Array, start: number, key: Key): number {
  if (bytes[start] !== OPEN_BRACE) return BROKEN;
  let at = skipJsonSpace(bytes, start + 1);
  if (bytes[at] === CLOSE_BRACE) return ABSENT;
  for (;;) {
    if (bytes[at] !== QUOTE) return BROKEN;
    const keyEnd = endOfJsonString(bytes, at);
    if (keyEnd < 0) return BROKEN;
    const isIt = isKey(bytes, at, keyEnd, key);
    at = skipJsonSpace(bytes, keyEnd);
    if (bytes[at] !== COLON) return BROKEN;
    at = skipJsonSpace(bytes, at + 1);
    if (isIt) return at;
    at = endOfJsonValue(bytes, at);
    if (at < 0) return BROKEN;
    at = skipJsonSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACE) return ABSENT;
    if (bytes[at] !== COMMA) return BROKEN;
    at = skipJsonSpace(bytes, at + 1);
  }
}

/** The text that stands for an id in either spelling, or undefined when the value cannot be one. */
export function idText(value: unknown): string | undefined {
  if (typeof value === 'string') return isIdText(value) ? value : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? numberId(String(value)) : undefined;
}

function readId(bytes: Uint8Array, at: number): EventIdentity {
  const end = endOfJsonValue(bytes, at);
  // The value may be followed only by what goes on or ends the object; anything else is for the decoder to explain.
  if (end < 0 || !continuesObject(bytes[skipJsonSpace(bytes, end)])) return UNCLEAR;
  const token = textOf(bytes, at, end);
  if (token === 'null') return NONE;
  const id = bytes[at] === QUOTE ? stringId(token) : numberId(token);
  return id === undefined ? UNCLEAR : { kind: 'id', id };
}

function stringId(token: string): string | undefined {
  if (!token.includes('\\') && !hasControlCharacter(token))
    return isIdText(token.slice(1, -1)) ? token.slice(1, -1) : undefined;
  try {
    return idText(JSON.parse(token));
  } catch {
    return undefined;
  }
}

function numberId(token: string): string | undefined {
  if (/^-?(?:0|[1-9]\d*)$/.test(token)) {
    if (token.length > MAX_ID_BYTES) return undefined;
    return token === '-0' ? '0' : token;
  }
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(token)) return undefined;
  const value = Number(token);
  return Number.isFinite(value) ? String(value === 0 ? 0 : value) : undefined;
}

function isIdText(text: string): boolean {
  return text.length > 0 && Buffer.byteLength(text) <= MAX_ID_BYTES;
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return true;
  return false;
}

function isKey(bytes: Uint8Array, start: number, end: number, key: Key): boolean {
  const length = key.bytes.length;
  if (end - start === length + 2) {
    for (let i = 0; i < length; i++) if (bytes[start + 1 + i] !== key.bytes[i]) return false;
    return true;
  }
  // Only a key written with escapes can be longer and still say the same; at most six bytes stand for one.
  if (end - start > 6 * length + 2 || !bytes.subarray(start, end).includes(BACKSLASH)) return false;
  try {
    return JSON.parse(textOf(bytes, start, end)) === key.name;
  } catch {
    return false;
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

function continuesObject(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE;
}
