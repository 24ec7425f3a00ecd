import { createHash, createHmac } from 'node:crypto';

/** SHA-256 in lower-case hex (64 characters). */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * JSON with object keys sorted at every depth and no white space, so that equal values have equal text.
 * `undefined` members are left out, as JSON.stringify does; numbers print as ECMAScript prints them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}

/** Content address of a JSON value: SHA-256 of its canonical text. */
export function hashJson(value: unknown): string {
  return sha256(canonicalJson(value));
}

/**
 * Where an id falls in [0, 1) under a secret key: the first 48 bits of HMAC-SHA256(key, id), divided by 2^48.
 * Uniform and independent of the id's content for whoever lacks the key, so nobody can choose ids that are never sampled.
 */
export function keyedFraction(key: string, id: string): number {
  return createHmac('sha256', key).update(id).digest().readUIntBE(0, 6) / 2 ** 48;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as Record<string, unknown>);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}
