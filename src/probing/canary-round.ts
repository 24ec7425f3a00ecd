import type { ModelRef } from '../domain/model-ref.ts';
import { compareWithReference, countDiscordant, countLabelErrors, isReadRight } from './canaries.ts';
import type { Canary, CanaryComparison, CanarySet } from './canaries.ts';
import { predictedClass } from '../domain/target.ts';
import type { ProbeBatch, Prober, RowProbe } from './prober.ts';
import type { ServedReader, ServedReading } from './served-reader.ts';

/** Everything about a probe that does not depend on the inputs. */
export type ProbeSettings = Omit<ProbeBatch, 'ids' | 'inputs' | 'model'>;

export interface CanaryRound {
  readonly comparison: CanaryComparison;
  readonly labelErrors: { readonly errors: number; readonly labelled: number };
  /** Canaries that changed sides against the baseline's outcomes; absent when scores are unchanged. */
  readonly discordant?: { readonly worse: number; readonly better: number };
  /** Share of canaries on which the replica predicts what the served model does; absent without a replica. */
  readonly replicaAgreement?: number;
  readonly readings: readonly ServedReading[];
}

export interface CanaryRoundOptions {
  readonly set: CanarySet;
  readonly reader: ServedReader;
  readonly prober: Prober;
  readonly settings: ProbeSettings;
  /** Replica of the version that is served now; absent when the registry does not have it. */
  readonly replica: ModelRef | undefined;
  /** Clean scores of the replica, shape [count, classes]. */
  readonly replicaScores?: (model: ModelRef, inputs: Float32Array, count: number) => Promise<Float32Array>;
  readonly tolerance: number;
}

/**
 * Scores every canary on the served model and compares with what the baseline version answered. Only when something
 * changed are the canaries attacked again: fixed inputs, seeds and model would give the same outcomes.
 *
 * A canary holds when the first sentinel does not flip it and, where its class is known, when it is read right too: what
 * flips nothing is not robust, if it answers always the same. Without a replica to attack there is the reading alone.
 */
export async function runCanaryRound(options: CanaryRoundOptions): Promise<CanaryRound> {
  const { set, reader, replica } = options;
  const inputs = concatenate(set.canaries.map(({ input }) => input));
  const readings = await reader.read(inputs, set.canaries.length);
  const comparison = compareWithReference(set, readings, options.tolerance);
  const base = { comparison, labelErrors: countLabelErrors(set.canaries, readings), readings };
  if (replica === undefined)
    return { ...base, ...(comparison.changed && { discordant: misreadPairs(set, readings) }) };
  const replicaAgreement = await agreement(options, { replica, inputs, readings });
  if (!comparison.changed) return { ...base, ...replicaAgreement };
  const survived = await surviving(options, replica, inputs);
  return { ...base, ...replicaAgreement, discordant: heldPairs(set, readings, survived) };
}

function heldPairs(
  set: CanarySet,
  readings: readonly ServedReading[],
  survived: readonly (boolean | undefined)[],
): { readonly worse: number; readonly better: number } {
  const hold = (right: readonly (boolean | undefined)[], withstood: readonly (boolean | undefined)[]) =>
    set.canaries.map(({ label }, i) => (label === undefined ? withstood[i] : both(right[i], withstood[i])));
  return countDiscordant(
    hold(readBefore(set), set.referenceSurvived),
    hold(readNow(set, readings), survived),
  );
}

function misreadPairs(
  set: CanarySet,
  readings: readonly ServedReading[],
): ReturnType<typeof countDiscordant> {
  return countDiscordant(readBefore(set), readNow(set, readings));
}

function readBefore({ canaries, referenceScores }: CanarySet): (boolean | undefined)[] {
  return canaries.map((canary, i) => {
    const scores = referenceScores[i];
    return scores && isReadRight(canary, predictedClass(scores, scores.length));
  });
}

function readNow({ canaries }: CanarySet, readings: readonly ServedReading[]): (boolean | undefined)[] {
  return canaries.map((canary: Canary, i) => {
    const reading = readings[i];
    return reading?.kind === 'answer' ? isReadRight(canary, reading.predicted) : undefined;
  });
}

/** What is not known stays unknown, unless the other is false. */
function both(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  return a === false || b === false ? false : a && b;
}

/** Ids that seed canary attacks: the same in every round. */
export function canaryIds(setId: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `canary:${setId}#${i}`);
}

/** Whether a row withstood a recipe; a row that could not be probed counts as withstanding. */
export function hasSurvived({ outcome }: RowProbe): boolean {
  return outcome.kind !== 'done' || !outcome.measurement.success;
}

export function concatenate(rows: readonly Float32Array[]): Float32Array {
  const features = rows[0]?.length ?? 0;
  const matrix = new Float32Array(rows.length * features);
  rows.forEach((row, i) => matrix.set(row, i * features));
  return matrix;
}

async function surviving(
  { prober, settings, set }: CanaryRoundOptions,
  model: ModelRef,
  inputs: Float32Array,
): Promise<(boolean | undefined)[]> {
  const ids = canaryIds(set.setId, set.canaries.length);
  const [rows] = await prober.probe({
    ...settings,
    recipes: settings.recipes.slice(0, 1),
    ids,
    inputs,
    model,
  });
  return rows!.map((row) => (row.outcome.kind === 'done' ? hasSurvived(row) : undefined));
}

interface AgreementTask {
  readonly replica: ModelRef;
  readonly inputs: Float32Array;
  readonly readings: readonly ServedReading[];
}

async function agreement(
  { replicaScores, tolerance }: CanaryRoundOptions,
  { replica, inputs, readings }: AgreementTask,
): Promise<{ replicaAgreement?: number }> {
  if (replicaScores === undefined) return {};
  const scores = await replicaScores(replica, inputs, readings.length);
  const classes = scores.length / readings.length;
  let agreed = 0;
  let compared = 0;
  readings.forEach((reading, i) => {
    if (reading.kind !== 'answer') return;
    compared++;
    const differs = reading.scores.some((score, k) => Math.abs(score - scores[i * classes + k]!) > tolerance);
    if (!differs) agreed++;
  });
  return compared === 0 ? {} : { replicaAgreement: agreed / compared };
}
