import type { Position } from '../../domain/position.ts';
import { probeId, type Outcome, type Probe, type UnprobeableReason } from '../../domain/probe.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Connection, Row } from '../connection.ts';
import { decodeFloats, encodeFloats, numberOf, optionalNumberOf, textOf, timeOf, timeText } from '../rows.ts';

export interface ProbeRow {
  readonly probe: Probe;
  readonly sample: Sample;
}

/** A terminal outcome as it is read back. */
export interface StoredOutcome {
  readonly recipeId: string;
  readonly targetVersion: string;
  readonly outcome: Outcome;
}

/** A sample that is not folded yet, with the outcomes it has so far. */
export interface UnfoldedSample {
  readonly sample: Sample;
  readonly ingestedAtMs: number;
  readonly outcomes: readonly StoredOutcome[];
}

export async function saveProbes(
  connection: Connection,
  rows: readonly ProbeRow[],
  atMs: number,
): Promise<void> {
  await connection.insert(
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

/** The next samples of a partition in position order, with their sentinel outcomes. All rows of an event come together. */
export async function unfoldedSamples(
  connection: Connection,
  query: UnfoldedQuery,
): Promise<UnfoldedSample[]> {
  const { model, source, partition, recipeIds, limit } = query;
  const place = { model, source, partition, after: query.after, limit };
  const samples = await connection.query(
    'unfolded_samples',
    `SELECT * FROM samples FINAL
     WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
       AND toInt64(offset) > {after:Int64}
     ORDER BY offset, row LIMIT {limit:UInt32} WITH TIES`,
    place,
  );
  if (samples.length === 0) return [];
  const offsets = samples.map((row) => numberOf(row, 'offset'));
  const outcomes = await connection.query(
    'unfolded_outcomes',
    `SELECT * EXCEPT (adversarial) FROM probes FINAL
     WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
       AND offset BETWEEN {from:UInt64} AND {to:UInt64} AND round = 0 AND has({recipes:Array(String)}, recipe_id)`,
    { ...place, from: offsets[0]!, to: offsets.at(-1)!, recipes: recipeIds },
  );
  const bySample = new Map<string, StoredOutcome[]>();
  for (const row of outcomes) {
    const id = textOf(row, 'sample_id');
    bySample.set(id, [...(bySample.get(id) ?? []), outcomeOf(row)]);
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
    const { source, partition } = parsePartitionKey(partitionKey);
    const rows = await connection.query(
      'recent_samples',
      `SELECT * FROM samples FINAL
       WHERE model = {model:String} AND source = {source:String} AND partition = {partition:UInt32}
         AND toInt64(offset) <= {offset:Int64}
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

/** Samples up to frozen positions whose label had arrived by those positions, in order. */
export async function labelledSamples(
  connection: Connection,
  model: string,
  frozen: Readonly<Record<string, number>>,
): Promise<LabelledInput[]> {
  return labelled(connection, {
    model,
    frozen,
    table: 'samples',
    column: 'input',
    name: 'labelled_samples',
    where: '',
  });
}

/** Confirmed adversarials of labelled samples up to frozen positions, in order. */
export async function labelledAdversarials(
  connection: Connection,
  model: string,
  frozen: Readonly<Record<string, number>>,
): Promise<LabelledInput[]> {
  const where = `AND facts.success AND facts.adversarial != '' AND facts.round = 0`;
  return labelled(connection, {
    model,
    frozen,
    table: 'probes',
    column: 'adversarial',
    name: 'labelled_adversarials',
    where,
  });
}

interface LabelledQuery {
  readonly model: string;
  readonly frozen: Readonly<Record<string, number>>;
  readonly table: 'samples' | 'probes';
  readonly column: 'input' | 'adversarial';
  readonly name: string;
  readonly where: string;
}

async function labelled(connection: Connection, query: LabelledQuery): Promise<LabelledInput[]> {
  const { table, column, where, name } = query;
  const found: LabelledInput[] = [];
  for (const [partitionKey, offset] of Object.entries(query.frozen)) {
    const { source, partition } = parsePartitionKey(partitionKey);
    const rows = await connection.query(
      name,
      `SELECT facts.sample_id AS id, facts.${column} AS input, labels.label AS label
       FROM ${table} AS facts FINAL INNER JOIN labels FINAL
         ON facts.model = labels.model AND facts.sample_id = labels.sample_id
       WHERE facts.model = {model:String} AND facts.source = {source:String} AND facts.partition = {partition:UInt32}
         AND toInt64(facts.offset) <= {offset:Int64}
         AND (labels.source != {source:String} OR labels.partition != {partition:UInt32} OR toInt64(labels.offset) <= {offset:Int64})
         ${where}
       ORDER BY facts.offset, id, input`,
      { model: query.model, source, partition, offset },
    );
    for (const row of rows) {
      found.push({
        sampleId: textOf(row, 'id'),
        input: decodeFloats(textOf(row, 'input')),
        label: numberOf(row, 'label'),
      });
    }
  }
  return found;
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

function sampleOf(row: Row): Sample {
  return {
    sampleId: textOf(row, 'sample_id'),
    eventId: textOf(row, 'event_id'),
    row: numberOf(row, 'row'),
    model: textOf(row, 'model'),
    position: {
      source: textOf(row, 'source'),
      partition: numberOf(row, 'partition'),
      offset: numberOf(row, 'offset'),
    },
    eventTimeMs: timeOf(row, 'event_time'),
    input: decodeFloats(textOf(row, 'input')),
  };
}

function probeRow({ probe, sample }: ProbeRow, atMs: number): Record<string, unknown> {
  const { key, role, outcome, adversarial } = probe;
  const done = outcome.kind === 'done' ? outcome.measurement : undefined;
  return {
    model: sample.model,
    probe_id: probeId(key),
    sample_id: key.sampleId,
    recipe_id: key.recipeId,
    threat_model_id: key.threatModelId,
    target_version: key.targetVersion,
    round: key.round,
    role,
    outcome: outcome.kind,
    reason: outcome.kind === 'unprobeable' ? outcome.reason : '',
    success: done?.success ?? false,
    distance: done?.distance ?? null,
    loss: done?.loss ?? null,
    prediction_before: done?.predictionBefore ?? -1,
    prediction_after: done?.predictionAfter ?? -1,
    replica_agrees: done?.replicaAgrees ?? false,
    transferred: done?.transferred ?? null,
    forward_queries: done?.forwardQueries ?? 0,
    gradient_queries: done?.gradientQueries ?? 0,
    served_queries: done?.servedQueries ?? 0,
    adversarial: adversarial === undefined ? '' : encodeFloats(adversarial),
    event_time: timeText(sample.eventTimeMs),
    source: sample.position.source,
    partition: sample.position.partition,
    offset: sample.position.offset,
    at: timeText(atMs),
  };
}

function outcomeOf(row: Row): StoredOutcome {
  return {
    recipeId: textOf(row, 'recipe_id'),
    targetVersion: textOf(row, 'target_version'),
    outcome: terminalOf(row),
  };
}

function terminalOf(row: Row): Outcome {
  const kind = textOf(row, 'outcome');
  if (kind === 'expired') return { kind: 'expired' };
  // The closed list is written by this very room.
  if (kind === 'unprobeable')
    return { kind: 'unprobeable', reason: textOf(row, 'reason') as UnprobeableReason };
  const distance = optionalNumberOf(row, 'distance');
  const { transferred } = row;
  return {
    kind: 'done',
    measurement: {
      success: isTrue(row['success']),
      ...(distance === undefined ? {} : { distance }),
      loss: numberOf(row, 'loss'),
      predictionBefore: numberOf(row, 'prediction_before'),
      predictionAfter: numberOf(row, 'prediction_after'),
      replicaAgrees: isTrue(row['replica_agrees']),
      ...(transferred === null || transferred === undefined ? {} : { transferred: isTrue(transferred) }),
      forwardQueries: numberOf(row, 'forward_queries'),
      gradientQueries: numberOf(row, 'gradient_queries'),
      servedQueries: numberOf(row, 'served_queries'),
    },
  };
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === '1' || value === 'true';
}
