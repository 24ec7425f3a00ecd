/** Where JSON values begin and end, without parsing them. Every function is one pass and allocates nothing. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Index behind the closing quote of the string that opens at `at`, or -1. */
export function endOfJsonString(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return -1;
}

/** Index behind the value that begins at `at`, or -1 when it does not end. Brackets are counted, not matched. */
export function endOfJsonValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfJsonString(bytes, at);
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
      i = endOfJsonString(bytes, i) - 1;
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

export function skipJsonSpace(bytes: Uint8Array, at: number): number {
  let i = at;
  while (i < bytes.length && isWhiteSpace(bytes[i]!)) i++;
  return i;
}
