import type { ModelRef } from '../domain/model-ref.ts';
import type { Outcome, ProbeMeasurement } from '../domain/probe.ts';
import type { Recipe } from '../domain/recipe.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { asServed } from './as-served.ts';
import type { CraftedBatch } from './crafted.ts';
import type { ServedReader, ServedReading } from './served-reader.ts';

export interface CraftRequest {
  readonly model: ModelRef;
  readonly recipe: Recipe;
  readonly inputs: Float32Array;
  /** Class the served model gives each row: what the adversary wants to change. */
  readonly labels: Int32Array;
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly bisectionSteps: number;
}

/** Stands for the served model where a replica would be named: it is attacked itself, by scores or decisions. */
export const THE_SERVED_MODEL: ModelRef = { path: 'served', sha256: '' };

/** Runs a recipe on the replica, in compute workers; or on the served model, where there is none. */
export type Craft = (request: CraftRequest) => Promise<CraftedBatch>;

export interface ProbeBatch {
  readonly ids: readonly string[];
  /** Shape [ids.length, features]. */
  readonly inputs: Float32Array;
  readonly model: ModelRef;
  readonly recipes: readonly Recipe[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly bisectionSteps: number;
}

export interface RowProbe {
  readonly outcome: Outcome;
  readonly adversarial?: Float32Array;
}

export interface Prober {
  /** One outcome per recipe and row: result[recipe][row]. @throws {AppError} retryable, when the served model is away */
  probe(batch: ProbeBatch): Promise<RowProbe[][]>;
}

/**
 * White-box on the replica, confirmed on the served model. The served model is asked once for every clean row, once for
 * every refined adversarial, and once more for the unrefined one where the refined did not carry over: crafting is free
 * for it, a probe costs it two queries, three at the most.
 */
export function createProber({ craft, reader }: { craft: Craft; reader: ServedReader }): Prober {
  return {
    async probe(batch) {
      const clean = await reader.read(batch.inputs, batch.ids.length);
      const answered = clean.flatMap((reading, row) => (reading.kind === 'answer' ? [row] : []));
      const results: RowProbe[][] = [];
      for (const recipe of batch.recipes) {
        results.push(await probeRecipe({ craft, reader, batch, recipe, clean, answered }));
      }
      return results;
    },
  };
}

interface RecipeTask {
  readonly craft: Craft;
  readonly reader: ServedReader;
  readonly batch: ProbeBatch;
  readonly recipe: Recipe;
  readonly clean: readonly ServedReading[];
  readonly answered: readonly number[];
}

async function probeRecipe(task: RecipeTask): Promise<RowProbe[]> {
  const { batch, answered, clean } = task;
  const features = batch.inputs.length / batch.ids.length;
  const servedClass = answered.map((row) => predictedOf(clean[row]!));
  const inputs = gatherRows(batch.inputs, answered, features);
  const found = await task.craft({
    model: batch.model,
    recipe: task.recipe,
    inputs,
    labels: Int32Array.from(servedClass),
    ids: answered.map((row) => batch.ids[row]!),
    threat: batch.threat,
    seed: batch.seed,
    bisectionSteps: batch.bisectionSteps,
  });
  const crafted = await asServed(task.reader, { found, inputs, threat: batch.threat });
  const confirmed = await confirm({ reader: task.reader, crafted, servedClass, features });
  return clean.map((reading, row) => {
    if (reading.kind === 'failed') return { outcome: { kind: 'unprobeable', reason: reading.reason } };
    const k = answered.indexOf(row);
    return rowProbe({
      crafted,
      confirmation: confirmed[k]!,
      k,
      servedClass: servedClass[k]!,
      batch,
      features,
    });
  });
}

/** What the served model said about one row's adversarials. */
type Confirmation =
  | { readonly kind: 'held'; readonly predictionAfter: number; readonly queries: number }
  | {
      readonly kind: 'fell';
      readonly predictionAfter: number;
      readonly queries: number;
      readonly refined: boolean;
    }
  | { readonly kind: 'failed'; readonly reading: ServedReading & { kind: 'failed' } };

interface ConfirmTask {
  readonly reader: ServedReader;
  readonly crafted: CraftedBatch;
  readonly servedClass: readonly number[];
  readonly features: number;
}

async function confirm({ reader, crafted, servedClass, features }: ConfirmTask): Promise<Confirmation[]> {
  const broken = servedClass.flatMap((_, k) => (crafted.success[k] === 1 ? [k] : []));
  const result: Confirmation[] = servedClass.map((predicted) => ({
    kind: 'held',
    predictionAfter: predicted,
    queries: 1,
  }));
  const judge = (k: number, reading: ServedReading, refined: boolean): void => {
    const queries = refined ? 2 : 3;
    if (reading.kind === 'failed') result[k] = { kind: 'failed', reading };
    else if (reading.predicted === servedClass[k])
      result[k] = { kind: 'held', predictionAfter: reading.predicted, queries };
    else result[k] = { kind: 'fell', predictionAfter: reading.predicted, queries, refined };
  };
  const refined = await reader.read(gatherRows(crafted.refined, broken, features), broken.length);
  broken.forEach((k, i) => judge(k, refined[i]!, true));
  const doubtful = broken.filter(
    (k) => result[k]!.kind === 'held' && crafted.refinedDistance[k]! < crafted.distance[k]!,
  );
  const unrefined = await reader.read(gatherRows(crafted.adversarial, doubtful, features), doubtful.length);
  doubtful.forEach((k, i) => judge(k, unrefined[i]!, false));
  return result;
}

interface RowTask {
  readonly crafted: CraftedBatch;
  readonly confirmation: Confirmation;
  readonly k: number;
  readonly servedClass: number;
  readonly batch: ProbeBatch;
  readonly features: number;
}

function rowProbe({ crafted, confirmation, k, servedClass, batch, features }: RowTask): RowProbe {
  if (confirmation.kind === 'failed')
    return { outcome: { kind: 'unprobeable', reason: confirmation.reading.reason } };
  const foolsReplica = crafted.success[k] === 1;
  const isServed = batch.model === THE_SERVED_MODEL;
  const fell = confirmation.kind === 'fell';
  const refined = fell && confirmation.refined;
  const distance = (refined ? crafted.refinedDistance : crafted.distance)[k]!;
  const measurement: ProbeMeasurement = {
    success: fell,
    ...(fell ? { distance } : {}),
    loss: fell ? lossAt(distance, batch.threat.epsilon) : 0,
    predictionBefore: servedClass,
    predictionAfter: confirmation.predictionAfter,
    replicaAgrees: crafted.replicaClass[k] === servedClass,
    ...(foolsReplica && !isServed ? { transferred: fell } : {}),
    forwardQueries: crafted.forwardQueries[k]!,
    gradientQueries: crafted.gradientQueries[k]!,
    servedQueries: confirmation.queries + (isServed ? crafted.forwardQueries[k]! : 0),
  };
  if (!fell) return { outcome: { kind: 'done', measurement } };
  const rows = refined ? crafted.refined : crafted.adversarial;
  return {
    outcome: { kind: 'done', measurement },
    adversarial: rows.slice(k * features, (k + 1) * features),
  };
}

/** L = 1 − min(d, ε)/ε: how much of the budget an adversary has left over, in [0, 1]. */
export function lossAt(distance: number, epsilon: number): number {
  if (epsilon === 0) return distance === 0 ? 1 : 0;
  return 1 - Math.min(distance, epsilon) / epsilon;
}

function predictedOf(reading: ServedReading): number {
  return reading.kind === 'answer' ? reading.predicted : -1;
}

/** Copies the named rows of [n, features] together. */
export function gatherRows(matrix: Float32Array, rows: readonly number[], features: number): Float32Array {
  const gathered = new Float32Array(rows.length * features);
  rows.forEach((row, i) => gathered.set(matrix.subarray(row * features, (row + 1) * features), i * features));
  return gathered;
}
