import type { Position } from '../../domain/position.ts';
import type { Outcome } from '../../domain/probe.ts';
import type { ObservationEntry, RecipeObservation } from '../../monitoring/fold-log.ts';

/** One terminal outcome of one row of an event, as the store returns it. */
export interface TerminalOutcome {
  readonly sampleId: string;
  readonly eventId: string;
  readonly position: Position;
  readonly eventTimeMs: number;
  readonly recipeId: string;
  readonly targetVersion: string;
  readonly outcome: Outcome;
}

/**
 * Folds all outcomes of one event into one observation: the rows of a batch share a source and are not separate
 * evidence. A missing outcome counts as loss 0 in the lower mean and as loss 1 in the upper one.
 *
 * @param outcomes every sentinel outcome of one event, at least one
 * @param labels `name@id8` by recipe id, in the order of the sentinels
 * @param hasReplica false: the served model was attacked itself, and nothing was compared with it
 */
export function observationOf(
  outcomes: readonly TerminalOutcome[],
  labels: ReadonlyMap<string, string>,
  hasReplica = true,
): ObservationEntry {
  const first = outcomes[0]!;
  const recipes = [...labels].flatMap(([recipeId, recipe]) => {
    const own = outcomes.filter((outcome) => outcome.recipeId === recipeId);
    return own.length === 0 ? [] : [recipeObservation(own, recipeId, recipe)];
  });
  return {
    kind: 'observation',
    lane: 'sentinel',
    eventId: first.eventId,
    position: first.position,
    eventTimeMs: first.eventTimeMs,
    version: first.targetVersion,
    rows: new Set(outcomes.map(({ sampleId }) => sampleId)).size,
    recipes,
    replica: replicaCounts(hasReplica ? outcomes : []),
  };
}

function recipeObservation(
  own: readonly TerminalOutcome[],
  recipeId: string,
  recipe: string,
): RecipeObservation {
  const measured = own.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.measurement] : []));
  const lossSum = measured.reduce((sum, { loss }) => sum + loss, 0);
  const missing = own.length - measured.length;
  const broken = own.find(({ outcome }) => outcome.kind === 'done' && outcome.measurement.success);
  return {
    recipe,
    recipeId,
    lossLower: lossSum / own.length,
    lossUpper: Math.min(1, (lossSum + missing) / own.length),
    binary: measured.filter(({ success }) => success).length / own.length,
    ...(broken === undefined ? {} : { example: broken.sampleId }),
  };
}

function replicaCounts(outcomes: readonly TerminalOutcome[]): NonNullable<ObservationEntry['replica']> {
  const measured = outcomes.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.measurement] : []));
  return {
    compared: measured.length,
    agreed: measured.filter(({ replicaAgrees }) => replicaAgrees).length,
    fooled: measured.filter(({ transferred }) => transferred !== undefined).length,
    transferred: measured.filter(({ transferred }) => transferred === true).length,
  };
}
