import { decoded, printed, undecodable, type Decoded } from './decoded.ts';

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Containers nested deeper than this are refused: no tensor needs it, and a hostile body must not exhaust the stack. */
const MAX_DEPTH = 512;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NON_FINITE = /-?(?:Infinity|Inf)|NaN/y;
const WHITE_SPACE = /[ \t\n\r]*/y;

/**
 * Parses JSON that may hold the bare tokens NaN, Infinity, Inf and their negatives, which TensorFlow Serving writes and
 * accepts and which JSON.parse refuses. Plain JSON takes the fast native path; only what that refuses is read here, so
 * an error names its byte offset and carries the words of the real server's parser. Never throws.
 */
export function parseLenientJson(body: string | Uint8Array): Decoded<JsonValue> {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  try {
    return decoded(JSON.parse(text) as JsonValue);
  } catch {
    return parseSlowly(text);
  }
}

/** Thrown and caught inside this file only: unwinds the recursive descent. */
class Refusal extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseSlowly(text: string): Decoded<JsonValue> {
  const cursor: Cursor = { text, at: 0 };
  try {
    skipWhiteSpace(cursor);
    if (cursor.at === text.length) throw new Refusal('The document is empty.', cursor.at);
    const value = parseValue(cursor, 0);
    skipWhiteSpace(cursor);
    if (cursor.at < text.length)
      throw new Refusal('The document root must not be followed by other values.', cursor.at);
    return decoded(value);
  } catch (caught) {
    if (!(caught instanceof Refusal)) throw caught;
    return refused(text, caught);
  }
}

function refused(text: string, refusal: Refusal): Decoded<never> {
  const offset = Buffer.byteLength(text.slice(0, refusal.offset));
  return undecodable({
    where: `offset ${offset}`,
    expected: 'JSON',
    got: printed(text.slice(refusal.offset, refusal.offset + 20)),
    message: `JSON Parse error: ${refusal.message} at offset: ${offset}`,
  });
}

function parseValue(cursor: Cursor, depth: number): JsonValue {
  if (depth > MAX_DEPTH)
    throw new Refusal(`Containers are nested deeper than ${MAX_DEPTH} levels.`, cursor.at);
  const { text, at } = cursor;
  switch (text.charAt(at)) {
    case '[':
      return parseArray(cursor, depth);
    case '{':
      return parseObject(cursor, depth);
    case '"':
      return parseString(cursor);
    default:
      return parseLiteral(cursor);
  }
}

function parseLiteral(cursor: Cursor): JsonValue {
  for (const [word, value] of [
    ['true', true],
    ['false', false],
    ['null', null],
  ] as const) {
    if (!cursor.text.startsWith(word, cursor.at)) continue;
    cursor.at += word.length;
    return value;
  }
  const special = take(cursor, NON_FINITE);
  if (special !== undefined) return Number(special.replace(/Inf$/, 'Infinity'));
  const digits = take(cursor, NUMBER);
  if (digits === undefined) throw new Refusal('Invalid value.', cursor.at);
  const value = Number(digits);
  if (!Number.isFinite(value)) throw new Refusal('Number too big to be stored in double.', cursor.at);
  return value;
}

function parseArray(cursor: Cursor, depth: number): JsonValue[] {
  const members: JsonValue[] = [];
  cursor.at += 1;
  skipWhiteSpace(cursor);
  if (takeCharacter(cursor, ']')) return members;
  for (;;) {
    members.push(parseValue(cursor, depth + 1));
    skipWhiteSpace(cursor);
    if (takeCharacter(cursor, ']')) return members;
    if (!takeCharacter(cursor, ','))
      throw new Refusal('Missing a comma or ] after an array element.', cursor.at);
    skipWhiteSpace(cursor);
  }
}

function parseObject(cursor: Cursor, depth: number): { [key: string]: JsonValue } {
  const members: [string, JsonValue][] = [];
  cursor.at += 1;
  skipWhiteSpace(cursor);
  if (takeCharacter(cursor, '}')) return {};
  for (;;) {
    if (cursor.text[cursor.at] !== '"') throw new Refusal('Missing a name for object member.', cursor.at);
    const name = parseString(cursor);
    skipWhiteSpace(cursor);
    if (!takeCharacter(cursor, ':'))
      throw new Refusal('Missing a colon after a name of object member.', cursor.at);
    skipWhiteSpace(cursor);
    members.push([name, parseValue(cursor, depth + 1)]);
    skipWhiteSpace(cursor);
    // fromEntries defines own properties, so a key named __proto__ is only a key.
    if (takeCharacter(cursor, '}')) return Object.fromEntries(members);
    if (!takeCharacter(cursor, ','))
      throw new Refusal('Missing a comma or } after an object member.', cursor.at);
    skipWhiteSpace(cursor);
  }
}

function parseString(cursor: Cursor): string {
  const { text, at } = cursor;
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  if (end >= text.length) throw new Refusal('Missing a closing quotation mark in string.', at);
  cursor.at = end + 1;
  try {
    return JSON.parse(text.slice(at, end + 1)) as string;
  } catch {
    throw new Refusal('Invalid escape character in string.', at);
  }
}

function skipWhiteSpace(cursor: Cursor): void {
  take(cursor, WHITE_SPACE);
}

function takeCharacter(cursor: Cursor, character: string): boolean {
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at += 1;
  return true;
}

function take(cursor: Cursor, sticky: RegExp): string | undefined {
  sticky.lastIndex = cursor.at;
  const found = sticky.exec(cursor.text)?.[0];
  if (found !== undefined) cursor.at += found.length;
  return found;
}
