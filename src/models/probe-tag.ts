import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** HTTP header that carries the tag. Where there are no headers, the tag begins the event id or the request id. */
export const PROBE_TAG_HEADER = 'x-temper-probe';

/** What a valid tag says. */
export interface ProbeTag {
  readonly issuedAtMs: number;
  /** Unique per request, 16 hex digits: a tag seen twice was copied. */
  readonly nonce: string;
}

const TAG = /^temper1\.([0-9a-z]{1,11})\.([0-9a-f]{16})\.([0-9a-f]{32})(?=$|[/#])/;

/**
 * Marks a request as a probe of ours, so that sampling leaves it out:  temper1.<time>.<nonce>.<HMAC-SHA256(key, time.nonce)>.
 * Who lacks the key can make no tag; who copies one is found by its age and by its nonce.
 *
 * @param nonce unpredictable, hence from the system's generator and not from a seeded one
 */
export function makeTag(key: string, nowMs: number, nonce: string = randomBytes(8).toString('hex')): string {
  const content = `${Math.round(nowMs).toString(36)}.${nonce}`;
  return `temper1.${content}.${macOf(key, content)}`;
}

/**
 * Reads the tag at the start of a text: the whole text, or up to a `/` or `#` (event ids). Compares in constant time.
 *
 * @param atMs time of the event that carries it; with `maxAgeMs`, a tag issued longer before, or as long after, is not valid
 * @returns undefined for anything that is not a valid tag
 */
export function verifyTag(
  key: string,
  text: string | undefined,
  { atMs, maxAgeMs = 3_600_000 }: { readonly atMs?: number; readonly maxAgeMs?: number } = {},
): ProbeTag | undefined {
  const [, time, nonce, mac] = TAG.exec(text ?? '') ?? [];
  if (time === undefined || nonce === undefined || mac === undefined) return undefined;
  const expected = Buffer.from(macOf(key, `${time}.${nonce}`));
  if (!timingSafeEqual(expected, Buffer.from(mac))) return undefined;
  const issuedAtMs = Number.parseInt(time, 36);
  if (atMs !== undefined && Math.abs(atMs - issuedAtMs) > maxAgeMs) return undefined;
  return { issuedAtMs, nonce };
}

function macOf(key: string, content: string): string {
  return createHmac('sha256', key).update(`temper probe ${content}`).digest('hex').slice(0, 32);
}
