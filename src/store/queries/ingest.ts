import type { Position } from '../../domain/position.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Connection } from '../connection.ts';
import type { Row } from '../row-json.ts';
import { encodeFloats, numberOf, textOf, timeText } from '../rows.ts';
import type { RowSink } from '../writer.ts';

export interface LabelRow {
  readonly sampleId: string;
  readonly eventId: string;
  readonly row: number;
  readonly label: number;
  readonly eventTimeMs: number;
  readonly position: Position;
}

export interface ResponseRow {
  readonly sampleId: string;
  readonly eventId: string;
  readonly row: number;
  /** Empty where the log has the class alone. */
  readonly scores: Float32Array;
  readonly predicted: number;
  readonly version?: string;
  readonly eventTimeMs: number;
  readonly position: Position;
}

export interface DeadLetterRow {
  readonly position: Position;
  readonly reason: string;
  readonly detail: string;
  readonly value: Uint8Array;
  readonly key?: Uint8Array;
  readonly headers?: Readonly<Record<string, string | Uint8Array | undefined>>;
}

export interface RangeRow {
  readonly source: string;
  readonly partition: number;
  readonly first: number;
  readonly last: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Partial<Record<string, number>>>;
  readonly rowsBeyondLimit: number;
}

export interface IngestBatch {
  readonly model: string;
  readonly range: RangeRow;
  readonly samples: readonly Sample[];
  readonly labels: readonly LabelRow[];
  readonly responses: readonly ResponseRow[];
  readonly deadLetters: readonly DeadLetterRow[];
  readonly ingestedAtMs: number;
}

/** A dead letter keeps at most so many bytes of what arrived. */
const KEPT_BYTES = 64 * 1024;

/** Makes a batch durable, its range last: what is written without its range is written again and is one row. */
export async function saveIngest(sink: RowSink, batch: IngestBatch): Promise<void> {
  const { model, ingestedAtMs, range } = batch;
  const place = ({ source, partition, offset }: Position): object => ({ source, partition, offset });
  const enrichment = (row: LabelRow | ResponseRow): object => ({
    model,
    sample_id: row.sampleId,
    event_id: row.eventId,
    row: row.row,
    event_time: timeText(row.eventTimeMs),
    ...place(row.position),
  });
  await Promise.all([
    sink.write(
      'samples',
      batch.samples.map((sample) => sampleRow(sample, ingestedAtMs)),
    ),
    sink.write(
      'labels',
      batch.labels.map((row) => ({ ...enrichment(row), label: row.label })),
    ),
    sink.write(
      'responses',
      batch.responses.map((row) => ({
        ...enrichment(row),
        scores: row.scores,
        predicted: row.predicted,
        version: row.version ?? '',
      })),
    ),
    sink.write(
      'dead_letters',
      batch.deadLetters.map((letter) => ({
        ...place(letter.position),
        ...letterContent(letter),
        at: timeText(ingestedAtMs),
      })),
    ),
  ]);
  await sink.write('ingest_ranges', [
    {
      source: range.source,
      partition: range.partition,
      first: range.first,
      last: range.last,
      counts: range.counts,
      reasons: range.reasons,
      rows_beyond_limit: range.rowsBeyondLimit,
      ingested_at: timeText(ingestedAtMs),
    },
  ]);
}

/** What arrived, as base64: it may be anything. Headers as JSON of name to base64. */
function letterContent({ reason, detail, value, key, headers }: DeadLetterRow): Row {
  const kept = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, KEPT_BYTES)).toString('base64');
  const encoded = Object.entries(headers ?? {}).map(([name, header]) => [
    name,
    header === undefined ? null : kept(typeof header === 'string' ? Buffer.from(header) : header),
  ]);
  return {
    reason,
    detail,
    value: kept(value),
    key: key === undefined ? '' : kept(key),
    headers: encoded.length === 0 ? '' : JSON.stringify(Object.fromEntries(encoded)),
  };
}

/**
 * Last committed offset (inclusive) of every partition. Only rows that hold count: a range that a dying process had sent,
 * and that landed after its successor had begun at the same position, neither counts nor moves the position.
 */
export async function lastPositions(connection: Connection): Promise<Position[]> {
  const rows = await connection.query(
    'last_positions',
    'SELECT source, partition, max(last) AS offset FROM ingest_ranges FINAL GROUP BY source, partition ORDER BY source, partition',
  );
  return rows.map((row) => ({
    source: textOf(row, 'source'),
    partition: numberOf(row, 'partition'),
    offset: numberOf(row, 'offset'),
  }));
}

export interface StoreCounts {
  readonly events: number;
  /** Records per outcome of ingest. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly samples: number;
  /** Probes per terminal outcome. */
  readonly probes: Readonly<Record<string, number>>;
  readonly servedQueries: number;
  readonly deadLetters: number;
}

/** What the store accounts for; a batch that was written twice counts once. */
export async function countEverything(connection: Connection, model: string): Promise<StoreCounts> {
  const [ranges, samples, probes, letters] = await Promise.all([
    connection.query(
      'count_ranges',
      'SELECT sumMap(counts) AS outcomes, sum(last - first + 1) AS events FROM ingest_ranges FINAL',
    ),
    connection.query('count_samples', 'SELECT count() AS n FROM samples FINAL WHERE model = {model:String}', {
      model,
    }),
    connection.query(
      'count_probes',
      'SELECT outcome, count() AS n, sum(served_queries) AS queries FROM probes FINAL WHERE model = {model:String} AND round = 0 GROUP BY outcome ORDER BY outcome',
      { model },
    ),
    connection.query('count_dead_letters', 'SELECT count() AS n FROM dead_letters FINAL'),
  ]);
  const outcomes = (ranges[0]?.['outcomes'] ?? {}) as Record<string, number | string>;
  return {
    events: numberOf(ranges[0]!, 'events'),
    outcomes: Object.fromEntries(Object.entries(outcomes).map(([key, value]) => [key, Number(value)])),
    samples: numberOf(samples[0]!, 'n'),
    probes: Object.fromEntries(probes.map((row) => [textOf(row, 'outcome'), numberOf(row, 'n')])),
    servedQueries: probes.reduce((sum, row) => sum + numberOf(row, 'queries'), 0),
    deadLetters: numberOf(letters[0]!, 'n'),
  };
}

function sampleRow(sample: Sample, ingestedAtMs: number): Row {
  return {
    model: sample.model,
    sample_id: sample.sampleId,
    event_id: sample.eventId,
    row: sample.row,
    source: sample.position.source,
    partition: sample.position.partition,
    offset: sample.position.offset,
    event_time: timeText(sample.eventTimeMs),
    input: encodeFloats(sample.input),
    ingested_at: timeText(ingestedAtMs),
  };
}
