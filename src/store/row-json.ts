/** A row, by column. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Rows as ClickHouse reads them (JSONEachRow), as bytes. Plain JSON would lose two things without a word or refuse a
 * whole batch: a number that is not finite becomes null, which a column takes for 0; and half of a surrogate pair, which
 * any client can put into an event id, is no text for ClickHouse.
 */
export function encodeRows(rows: readonly Row[]): Buffer {
  return Buffer.from(rows.map((row) => JSON.stringify(plain(row))).join('\n'), 'utf8');
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(LONE_SURROGATE, '\uFFFD');
  if (typeof value === 'number') return Number.isFinite(value) ? value : nonFinite(value);
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>, plain); // rows hold no DataView
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [plain(key), plain(member)]));
}

/** In unicode mode a pair is one character, so only halves without their other half match. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}
