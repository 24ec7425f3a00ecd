import type { Outcome } from '../domain/probe.ts';
import { AppError } from '../domain/errors.ts';
import type { ObservationEntry, RecipeObservation } from './fold-log.ts';

/** One row of an event with the terminal outcome of every recipe of the lane. */
export interface ClusterRow {
  readonly sampleId: string;
  readonly outcomes: readonly {
    /** `name@id8`. */
    readonly recipe: string;
    readonly recipeId: string;
    readonly outcome: Outcome;
  }[];
}

export interface ClusterOptions extends Pick<
  ObservationEntry,
  'lane' | 'eventId' | 'position' | 'eventTimeMs' | 'version' | 'sentinelLoss'
> {
  readonly rows: readonly ClusterRow[];
}

/**
 * Folds the rows of one event into one observation, because rows that arrive together are not separate evidence: for
 * each recipe the mean over rows of loss and success. A row without an outcome (expired or unprobeable) counts 0 in
 * `lossLower` and 1 in `lossUpper`. Recipes are in the order of their first appearance.
 *
 * @throws {AppError} TEMPER_STATS_EMPTY when there is no row or no outcome
 */
export function computeObservation({
  rows,
  version,
  sentinelLoss,
  ...event
}: ClusterOptions): ObservationEntry {
  const recipes = new Map(
    rows.flatMap(({ outcomes }) => outcomes.map(({ recipe, recipeId }) => [recipe, recipeId])),
  );
  if (recipes.size === 0)
    throw new AppError('TEMPER_STATS_EMPTY', `expected outcomes for event ${event.eventId}, got none`);
  return {
    kind: 'observation',
    ...event,
    ...(version !== undefined && { version }),
    ...(sentinelLoss !== undefined && { sentinelLoss }),
    rows: rows.length,
    recipes: [...recipes].map(([recipe, recipeId]) => recipeMean(rows, recipe, recipeId)),
    replica: countReplica(rows),
  };
}

/** A row that lacks the recipe altogether counts as missing too. */
function recipeMean(rows: readonly ClusterRow[], recipe: string, recipeId: string): RecipeObservation {
  const outcomes = rows.map((row) => row.outcomes.find((each) => each.recipe === recipe)?.outcome);
  const measured = outcomes.map((outcome) => (outcome?.kind === 'done' ? outcome.measurement : undefined));
  const sum = (value: (index: number) => number): number => rows.reduce((total, _, i) => total + value(i), 0);
  const share = (total: number): number => Math.min(1, Math.max(0, total / rows.length));
  const broken = measured.findIndex((measurement) => measurement?.success === true);
  return {
    recipe,
    recipeId,
    lossLower: share(sum((i) => measured[i]?.loss ?? 0)),
    lossUpper: share(sum((i) => measured[i]?.loss ?? 1)),
    binary: share(sum((i) => (measured[i]?.success === true ? 1 : 0))),
    ...(broken >= 0 && { example: rows[broken]!.sampleId }),
  };
}

function countReplica(rows: readonly ClusterRow[]): NonNullable<ObservationEntry['replica']> {
  const done = rows.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.measurement] : [])),
  );
  const fooled = done.filter(({ transferred }) => transferred !== undefined);
  return {
    compared: done.length,
    agreed: done.filter(({ replicaAgrees }) => replicaAgrees).length,
    fooled: fooled.length,
    transferred: fooled.filter(({ transferred }) => transferred === true).length,
  };
}
