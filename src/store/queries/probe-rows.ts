import { probeId, type Outcome, type Probe, type UnprobeableReason } from '../../domain/probe.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Row } from '../row-json.ts';
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

export function sampleOf(row: Row): Sample {
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

export function probeRow({ probe, sample }: ProbeRow, atMs: number): Row {
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

export function outcomeOf(row: Row): StoredOutcome {
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
