import type { Connection } from '../connection.ts';
import { numberOf, textOf, timeText } from '../rows.ts';

export interface OrphanCounts {
  readonly kind: 'label' | 'response';
  readonly records: number;
  /** Those of them that belong to no sample. */
  readonly orphans: number;
}

export interface OrphanQuery {
  readonly model: string;
  /** Event times, ms since the Unix epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** At most so many ids of each kind are looked up. Default 20,000. */
  readonly limit?: number;
}

/** Labels and responses of a stretch of event time, and how many of them have no sample, whenever it arrived. */
export async function countOrphans(connection: Connection, query: OrphanQuery): Promise<OrphanCounts[]> {
  const { model, fromMs, toMs, limit = 20_000 } = query;
  const recent = (table: string): string =>
    `SELECT DISTINCT sample_id FROM ${table} WHERE model = {model:String}
       AND event_time BETWEEN {from:DateTime64(3, 'UTC')} AND {to:DateTime64(3, 'UTC')} ORDER BY sample_id LIMIT {limit:UInt32}`;
  const counts = (kind: string, table: string): string =>
    `SELECT '${kind}' AS kind, count() AS records, countIf(sample_id NOT IN (
         SELECT sample_id FROM samples WHERE model = {model:String} AND sample_id IN (${recent(table)}))) AS orphans
       FROM (${recent(table)})`;
  const rows = await connection.query(
    'count_orphans',
    `${counts('label', 'labels')} UNION ALL ${counts('response', 'responses')}`,
    { model, from: timeText(fromMs), to: timeText(toMs), limit },
  );
  return rows.map((row) => ({
    kind: textOf(row, 'kind') as OrphanCounts['kind'], // written above
    records: numberOf(row, 'records'),
    orphans: numberOf(row, 'orphans'),
  }));
}
