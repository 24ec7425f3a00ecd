import { endOfJsonValue, skipJsonSpace } from './json-extent.ts';

const OPEN_BRACE = 0x7b;

/**
 * Where the JSON object at the start of a body ends: one past its closing brace. Finds the JSON part of a binary body whose
 * length header was lost. One pass, nothing allocated.
 *
 * @returns undefined when there is no whole object
 */
export function jsonObjectEnd(body: Uint8Array): number | undefined {
  const start = skipJsonSpace(body, 0);
  const end = body[start] === OPEN_BRACE ? endOfJsonValue(body, start) : -1;
  return end < 0 ? undefined : end;
}
