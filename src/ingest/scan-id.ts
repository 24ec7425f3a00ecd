import type { EventIdentity } from './event-format.ts';

/** Ids longer than this many bytes are not ids. */
export const MAX_ID_BYTES = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LOWER_I = 0x69;
const LOWER_D = 0x64;

const NONE: EventIdentity = { kind: 'none' };
const UNCLEAR: EventIdentity = { kind: 'unclear' };

/**
 * Reads the top-level `"id"` of a JSON object without parsing the rest: members before it are stepped over, those after
 * it are not looked at. When the key repeats, the first one counts. Never throws; O(bytes up to the id).
 *
 * A string id is its own text. A number is its text as written when it is an integer (so that ids beyond 2^53 keep
 * their digits), otherwise the shortest text of its value. `null` counts as no id.
 */
export function scanTopLevelId(bytes: Uint8Array): EventIdentity {
  let at = skipWhiteSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return UNCLEAR;
  at = skipWhiteSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACE) return NONE;
  for (;;) {
    if (bytes[at] !== QUOTE) return UNCLEAR;
    const keyEnd = endOfString(bytes, at);
    if (keyEnd < 0) return UNCLEAR;
    const isId = isIdKey(bytes, at, keyEnd);
    at = skipWhiteSpace(bytes, keyEnd);
    if (bytes[at] !== COLON) return UNCLEAR;
    at = skipWhiteSpace(bytes, at + 1);
    if (isId) return readId(bytes, at);
    at = endOfValue(bytes, at);
    if (at < 0) return UNCLEAR;
    at = skipWhiteSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACE) return NONE;
    if (bytes[at] !== COMMA) return UNCLEAR;
    at = skipWhiteSpace(bytes, at + 1);
  }
}

/** The text that stands for an id in either spelling, or undefined when the value cannot be one. */
export function idText(value: unknown): string | undefined {
  if (typeof value === 'string') return isIdText(value) ? value : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? numberId(String(value)) : undefined;
}

function readId(bytes: Uint8Array, at: number): EventIdentity {
  const end = endOfValue(bytes, at);
  // The value may be followed only by what goes on or ends the object; anything else is for the decoder to explain.
  if (end < 0 || !continuesObject(bytes[skipWhiteSpace(bytes, end)])) return UNCLEAR;
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

function isIdKey(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start === 4) return bytes[start + 1] === LOWER_I && bytes[start + 2] === LOWER_D;
  // Only a key written with escapes can be longer and still say "id"; six bytes stand for one letter.
  if (end - start > 14 || !bytes.subarray(start, end).includes(BACKSLASH)) return false;
  try {
    return JSON.parse(textOf(bytes, start, end)) === 'id';
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

/** Index behind the closing quote of the string that opens at `at`, or -1. */
function endOfString(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return -1;
}

/** Index behind the value that begins at `at`, or -1 when it does not end. Brackets are counted, not matched. */
function endOfValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfContainer(bytes, at);
  let end = at;
  while (end < bytes.length && !isWhiteSpace(bytes[end]!) && !isStructural(bytes[end]!)) end++;
  return end === at ? -1 : end;
}

function endOfContainer(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i];
    // Digits, points, commas and white space, which are nearly everything in a tensor, fall through one comparison.
    if (byte === QUOTE) {
      i = endOfString(bytes, i) - 1;
      if (i < 0) return -1;
    } else if (byte! > 0x5a) {
      if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
      else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
        depth--;
        if (depth === 0) return i + 1;
      }
    }
  }
  return -1;
}

function isStructural(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === COLON || byte === QUOTE;
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipWhiteSpace(bytes: Uint8Array, at: number): number {
  let i = at;
  while (i < bytes.length && isWhiteSpace(bytes[i]!)) i++;
  return i;
}
