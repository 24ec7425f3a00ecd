const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = [0x7b, 0x5b];
const CLOSE = [0x7d, 0x5d];

/**
 * Where the JSON object at the start of a body ends: one past its closing brace. Finds the JSON part of a binary body whose
 * length header was lost. One pass, nothing allocated.
 *
 * @returns undefined when there is no whole object
 */
export function jsonObjectEnd(body: Uint8Array): number | undefined {
  let depth = 0;
  let isInText = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]!;
    if (isInText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isInText = false;
    } else if (byte === QUOTE) isInText = true;
    else if (OPEN.includes(byte)) depth++;
    else if (CLOSE.includes(byte)) {
      depth--;
      if (depth <= 0) return depth === 0 ? i + 1 : undefined;
    }
  }
  return undefined;
}
