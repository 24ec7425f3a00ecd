import type { Row } from './row-json.ts';

/** Readers for rows that ClickHouse sent as JSON: numbers may come as text, times as `2026-01-01 00:00:00.000`. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : String(value);
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  return DENORMALS.get(value) ?? Number(value);
}

/** Numbers that JSON has no word for, as ClickHouse quotes them. */
const DENORMALS = new Map<unknown, number>([
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['nan', NaN],
]);

export function optionalNumberOf(row: Row, column: string): number | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : numberOf(row, column);
}

export function timeOf(row: Row, column: string): number {
  return Date.parse(`${textOf(row, column).replace(' ', 'T')}Z`);
}

/** Time as ClickHouse reads it. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

/** Little-endian float32 values as base64: exact, and half the size of their decimal text. */
export function encodeFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

export function decodeFloats(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  // A copy: a pooled buffer need not be aligned to four bytes.
  return new Float32Array(new Uint8Array(bytes).buffer);
}
