import type { Position } from '../../domain/position.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Connection } from '../connection.ts';
import type { Row } from '../row-json.ts';
import { decodeFloats, numberOf, optionalNumberOf, textOf, timeOf } from '../rows.ts';
import type { RowSink } from '../writer.ts';
import { outcomeOf, probeRow, sampleOf, type ProbeRow, type StoredOutcome } from './probe-rows.ts';

/** A sample that is not folded yet, with the outcomes it has so far. */
export interface UnfoldedSample {
  readonly sample: Sample;
  readonly ingestedAtMs: number;
  readonly outcomes: readonly StoredOutcome[];
}

export async function saveProbes(sink: RowSink, rows: readonly ProbeRow[], atMs: number): Promise<void> {
  await sink.write(
    'probes',
    rows.map((row) => probeRow(row, atMs)),
  );
}

export interface UnfoldedQuery {
  readonly model: string;
  /** Sentinels whose outcomes are wanted. */
  readonly recipeIds: readonly string[];
  readonly source: string;
  readonly partition: number;
  /** Last folded offset; −1 before the first. */
  readonly after: number;
  readonly limit: number;
}

/**
 * The next samples of a partition in position order, with their sentinel outcomes, one for each recipe: the newest, where a
 * crash let a sample be probed on two versions. All rows of an event come together.
 */
export async function unfoldedSamples(
  connection: Connection,
  query: UnfoldedQuery,
): Promise<UnfoldedSample[]> {
  const { model, source, partition, recipeIds, limit } = query;
  const place = { model, source, partition, next: query.after + 1, limit };
  const samples = await connection.query(
    'unfolded_samples',
    `SELECT * FROM samples FINAL
     WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
       AND offset >= {next:UInt64}
     ORDER BY offset, row LIMIT {limit:UInt32} WITH TIES`,
    place,
  );
  if (samples.length === 0) return [];
  const offsets = samples.map((row) => numberOf(row, 'offset'));
  const outcomes = await connection.query(
    'unfolded_outcomes',
    `SELECT * EXCEPT (adversarial) FROM probes FINAL
     WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
       AND offset BETWEEN {from:UInt64} AND {to:UInt64} AND round = 0 AND has({recipes:Array(String)}, recipe_id)
     ORDER BY sample_id, recipe_id, at DESC LIMIT 1 BY sample_id, recipe_id`,
    { ...place, from: offsets[0]!, to: offsets.at(-1)!, recipes: recipeIds },
  );
  const bySample = new Map<string, StoredOutcome[]>();
  for (const row of outcomes) {
    const id = textOf(row, 'sample_id');
    const known = bySample.get(id);
    if (known === undefined) bySample.set(id, [outcomeOf(row)]);
    else known.push(outcomeOf(row));
  }
  return samples.map((row) => ({
    sample: sampleOf(row),
    ingestedAtMs: timeOf(row, 'ingested_at'),
    outcomes: bySample.get(textOf(row, 'sample_id')) ?? [],
  }));
}

/** Newest production samples up to frozen positions, for canaries. Deterministic for equal positions. */
export async function recentSamples(
  connection: Connection,
  model: string,
  frozen: Readonly<Record<string, number>>,
  limit: number,
): Promise<Sample[]> {
  const found: Sample[] = [];
  for (const [partitionKey, offset] of Object.entries(frozen)) {
    if (offset < 0) continue; // nothing of it was known
    const { source, partition } = parsePartitionKey(partitionKey);
    const rows = await connection.query(
      'recent_samples',
      `SELECT * FROM samples FINAL
       WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
         AND offset <= {offset:UInt64}
       ORDER BY offset DESC, row LIMIT {limit:UInt32}`,
      { model, source, partition, offset, limit },
    );
    found.push(...rows.map(sampleOf));
  }
  return found.sort((a, b) => b.eventTimeMs - a.eventTimeMs).slice(0, limit);
}

export interface LabelledInput {
  readonly sampleId: string;
  readonly input: Float32Array;
  readonly label: number;
}

/** What was known when positions were frozen. */
export interface FrozenQuery {
  readonly model: string;
  /** Per `source/partition`, the last offset (inclusive). */
  readonly frozen: Readonly<Record<string, number>>;
  /** At most so many of each partition, the newest. Default 20,000, which bounds memory. */
  readonly newest?: number | undefined;
}

/** Samples up to frozen positions whose label had arrived by those positions, in order. */
export async function labelledSamples(connection: Connection, query: FrozenQuery): Promise<LabelledInput[]> {
  return labelled(connection, {
    ...query,
    table: 'samples',
    column: 'input',
    name: 'labelled_samples',
    where: '',
  });
}

/** Confirmed adversarials of labelled samples up to frozen positions, in order. */
export async function labelledAdversarials(
  connection: Connection,
  query: FrozenQuery,
): Promise<LabelledInput[]> {
  const where = `AND facts.success AND facts.adversarial != '' AND facts.round = 0`;
  return labelled(connection, {
    ...query,
    table: 'probes',
    column: 'adversarial',
    name: 'labelled_adversarials',
    where,
  });
}

interface LabelledQuery extends FrozenQuery {
  readonly table: 'samples' | 'probes';
  readonly column: 'input' | 'adversarial';
  readonly name: string;
  readonly where: string;
}

/** Rows of one answer: inputs are large, and an answer is one text. */
const PAGE = 2000;

async function labelled(connection: Connection, query: LabelledQuery): Promise<LabelledInput[]> {
  const found: LabelledInput[] = [];
  for (const [partitionKey, offset] of Object.entries(query.frozen)) {
    found.push(...(await labelledOfPartition(connection, query, { partitionKey, offset })));
  }
  return found;
}

async function labelledOfPartition(
  connection: Connection,
  query: LabelledQuery,
  { partitionKey, offset }: { partitionKey: string; offset: number },
): Promise<LabelledInput[]> {
  const { newest = 20_000 } = query;
  const pages: (readonly Row[])[] = [];
  let to = offset;
  for (let rows = 0; to >= 0 && rows < newest;) {
    const page = await labelledPage(connection, query, { ...parsePartitionKey(partitionKey), to });
    if (page.length === 0) break;
    pages.push(page);
    rows += page.length;
    to = page.length < PAGE ? -1 : numberOf(page.at(-1)!, 'offset') - 1;
  }
  const rows = pages.flat().sort(byPlace).slice(-newest);
  return rows.map((row) => ({
    sampleId: textOf(row, 'id'),
    input: decodeFloats(textOf(row, 'input')),
    label: numberOf(row, 'label'),
  }));
}

/** The newest rows up to an offset, whole events. A label counts if it had arrived where its own partition was frozen. */
async function labelledPage(
  connection: Connection,
  { table, column, where, name, model, frozen }: LabelledQuery,
  { source, partition, to }: { source: string; partition: number; to: number },
): Promise<readonly Row[]> {
  return connection.query(
    name,
    `SELECT facts.sample_id AS id, facts.offset AS offset, facts.${column} AS input, labels.label AS label
     FROM ${table} AS facts FINAL INNER JOIN labels FINAL
       ON facts.model = labels.model AND facts.sample_id = labels.sample_id
     WHERE facts.model = {model:String} AND facts.source = {source:String} AND facts.partition = {partition:UInt32}
       AND facts.offset <= {to:UInt64} AND labels.model = {model:String}
       AND (indexOf({keys:Array(String)}, concat(labels.source, '/', toString(labels.partition))) AS known = 0
         OR labels.offset <= {offsets:Array(Int64)}[known])
       ${where}
     ORDER BY facts.offset DESC LIMIT {page:UInt32} WITH TIES`,
    {
      model,
      source,
      partition,
      to,
      page: PAGE,
      keys: Object.keys(frozen),
      offsets: Object.values(frozen),
    },
  );
}

/** The same order in every run: position, then id, then content. */
function byPlace(a: Row, b: Row): number {
  const byOffset = numberOf(a, 'offset') - numberOf(b, 'offset');
  if (byOffset !== 0) return byOffset;
  return compare(textOf(a, 'id'), textOf(b, 'id')) || compare(textOf(a, 'input'), textOf(b, 'input'));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export interface StoredExample {
  readonly sampleId: string;
  readonly targetVersion: string;
  readonly recipeId: string;
  readonly input: Float32Array;
  readonly adversarial: Float32Array;
  readonly predictionBefore: number;
  readonly predictionAfter: number;
  readonly distance: number;
  readonly label: number | undefined;
  readonly eventTimeMs: number;
}

/** Confirmed adversarials with their clean inputs, newest first, for people to look at. */
export async function recentExamples(
  connection: Connection,
  query: { readonly model: string; readonly limit: number; readonly version?: string },
): Promise<StoredExample[]> {
  const rows = await connection.query(
    'recent_examples',
    `SELECT probes.sample_id AS id, target_version, recipe_id, samples.input AS input, adversarial,
       prediction_before, prediction_after, distance, labels.label AS label, notEmpty(labels.sample_id) AS is_labelled,
       probes.event_time AS event_time
     FROM probes FINAL INNER JOIN samples FINAL ON probes.model = samples.model AND probes.sample_id = samples.sample_id
       LEFT JOIN labels FINAL ON probes.model = labels.model AND probes.sample_id = labels.sample_id
     WHERE probes.model = {model:String} AND success AND adversarial != ''
       AND ({version:String} = '' OR target_version = {version:String})
     ORDER BY event_time DESC, id LIMIT {limit:UInt32}`,
    { model: query.model, limit: query.limit, version: query.version ?? '' },
  );
  return rows.map((row) => ({
    sampleId: textOf(row, 'id'),
    targetVersion: textOf(row, 'target_version'),
    recipeId: textOf(row, 'recipe_id'),
    input: decodeFloats(textOf(row, 'input')),
    adversarial: decodeFloats(textOf(row, 'adversarial')),
    predictionBefore: numberOf(row, 'prediction_before'),
    predictionAfter: numberOf(row, 'prediction_after'),
    distance: optionalNumberOf(row, 'distance') ?? 0,
    label: Number(row['is_labelled']) === 1 ? numberOf(row, 'label') : undefined,
    eventTimeMs: timeOf(row, 'event_time'),
  }));
}

/** `source/partition`, as run requests freeze positions. */
export function partitionKeyOf({ source, partition }: Pick<Position, 'source' | 'partition'>): string {
  return `${source}/${partition}`;
}

function parsePartitionKey(key: string): { source: string; partition: number } {
  const slash = key.lastIndexOf('/');
  return { source: key.slice(0, slash), partition: Number(key.slice(slash + 1)) };
}
