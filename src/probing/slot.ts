import type { ModelRef } from '../domain/model-ref.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import type { Outcome, Probe, ProbeKey } from '../domain/probe.ts';
import type { Sample } from '../domain/sample.ts';
import { threatModelId } from '../domain/threat-model.ts';
import { concatenate, type ProbeSettings } from './canary-round.ts';
import { THE_SERVED_MODEL, type Prober } from './prober.ts';

export interface PendingSample {
  readonly sample: Sample;
  readonly ingestedAtMs: number;
}

/** A probe with the sample it belongs to, as it goes to the store. */
export interface ProbeRecord {
  readonly probe: Probe;
  readonly sample: Sample;
}

/** When a sample is too old to be probed. */
export interface Expiry {
  readonly nowMs: number;
  readonly expireAfterMs: number;
}

export interface SlotOptions extends Expiry {
  readonly pending: readonly PendingSample[];
  readonly prober: Prober;
  readonly settings: ProbeSettings;
  /** Replica to craft on; absent when none is known. */
  readonly replica: ModelRef | undefined;
  /** Whether a recipe cannot do without a replica; the others then ask the served model itself. Default: every one. */
  readonly needsReplica?: (recipe: Recipe) => boolean;
  /** Version the served model reports. */
  readonly version: string;
  /** Features of one input. */
  readonly features: number;
}

export function hasExpired({ ingestedAtMs }: PendingSample, { nowMs, expireAfterMs }: Expiry): boolean {
  return nowMs - ingestedAtMs > expireAfterMs;
}

/**
 * Brings every sample of a slot to exactly one terminal outcome per sentinel.
 * @throws {AppError} retryable, when the served model is away: nothing is terminal then, and the slot is tried again
 */
export async function probeSlot(options: SlotOptions): Promise<ProbeRecord[]> {
  const { pending, settings, prober, replica, needsReplica = () => true } = options;
  const settled = new Map<Sample, Outcome>();
  for (const entry of pending) {
    const outcome = outcomeBeforeProbing(entry, options);
    if (outcome !== undefined) settled.set(entry.sample, outcome);
  }
  const samples = pending.map(({ sample }) => sample);
  const open = samples.filter((sample) => !settled.has(sample));
  const recipes = settings.recipes.filter((recipe) => replica !== undefined || !needsReplica(recipe));
  const probed =
    open.length === 0 || recipes.length === 0
      ? []
      : await prober.probe({
          ...settings,
          recipes,
          ids: open.map(({ sampleId }) => sampleId),
          inputs: concatenate(open.map(({ input }) => input)),
          model: replica ?? THE_SERVED_MODEL,
        });
  return settings.recipes.flatMap((recipe) =>
    samples.map((sample): ProbeRecord => {
      const key = keyOf(options, sample, recipeId(recipe));
      const outcome = settled.get(sample);
      if (outcome !== undefined) return { sample, probe: { key, role: 'sentinel', outcome } };
      const found = probed[recipes.indexOf(recipe)]?.[open.indexOf(sample)] ?? { outcome: NO_REPLICA };
      return { sample, probe: { key, role: 'sentinel', ...found } };
    }),
  );
}

const NO_REPLICA: Outcome = { kind: 'unprobeable', reason: 'replica_unavailable' };

function outcomeBeforeProbing(entry: PendingSample, options: SlotOptions): Outcome | undefined {
  if (hasExpired(entry, options)) return { kind: 'expired' };
  if (entry.sample.input.length !== options.features)
    return { kind: 'unprobeable', reason: 'input_shape_mismatch' };
  return undefined;
}

function keyOf({ settings, version }: SlotOptions, sample: Sample, recipe: string): ProbeKey {
  return {
    sampleId: sample.sampleId,
    recipeId: recipe,
    threatModelId: threatModelId(settings.threat),
    targetVersion: version,
    round: 0,
  };
}
