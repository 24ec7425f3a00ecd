import { setTimeout as sleep } from 'node:timers/promises';
import { allRows, type DataSlice } from '../../../src/data/slice.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { recipeId, recipeLabel } from '../../../src/domain/recipe.ts';
import { threatModelId } from '../../../src/domain/threat-model.ts';
import type { ModelVersion } from '../../../src/models/registry.ts';
import { computeBaseline, type Baseline } from '../../../src/monitoring/baseline.ts';
import { canarySetId, type Canary, type CanarySet } from '../../../src/probing/canaries.ts';
import { encodeCanarySet } from '../../../src/probing/canary-codec.ts';
import {
  canaryIds,
  concatenate,
  hasSurvived,
  type ProbeSettings,
} from '../../../src/probing/canary-round.ts';
import { measureSentinels, type SentinelMeasurement } from '../../../src/probing/measure-sentinels.ts';
import { loadData } from '../../../src/data/dataset.ts';
import type { HardenContext } from '../context.ts';
import type { RunnableStage } from '../run.ts';
import type { PromoteOutput } from './promote.ts';

export interface VerifyOutput {
  readonly version: number;
  readonly baselines: readonly Baseline[];
  readonly canarySetId: string;
}

/**
 * Waits until the served model reports the promoted version, freezes canaries, and measures the baseline on data that
 * decided nothing, through the served model, exactly as the sidecar probes traffic.
 */
export function verifyStage(context: HardenContext): RunnableStage {
  const { settings, sentinels, threat, seed } = context;
  return {
    name: 'verify',
    settings: { data: settings.data, sentinels, threat, seed },
    async run({ outputOf }): Promise<VerifyOutput> {
      const { version } = outputOf('promote') as PromoteOutput; // written by the stage before, under a hash
      await waitForVersion(context, version);
      const promoted = await context.registry.version(context.model.name, version);
      const canaries = await freezeCanaries(context, promoted);
      const baselines = await measureBaselines(context, promoted, canaries.setId);
      // Measuring takes minutes: what answered must have been this version to the end.
      await waitForVersion(context, version);
      await context.store.saveCanarySet({
        model: canaries.model,
        setId: canaries.setId,
        version: canaries.version,
        content: encodeCanarySet(canaries),
      });
      await context.store.saveBaselines(
        baselines.map((baseline) => ({
          model: baseline.model,
          version,
          recipeId: baseline.recipeId,
          baseline,
        })),
      );
      return { version, baselines, canarySetId: canaries.setId };
    },
  };
}

/**
 * @throws {AppError} TEMPER_STAGE_FAILED when another version was published since, so that this one will never serve
 * again | TEMPER_TARGET_UNREACHABLE (retryable) when the server does not report it in time
 */
async function waitForVersion(context: HardenContext, version: number): Promise<void> {
  const { clock, model, registry, settings } = context;
  const deadlineMs = clock.nowMs() + 1000 * settings.verifyTimeoutSeconds;
  for (;;) {
    const current = await registry.currentVersion(model.name);
    if (current !== version) {
      throw new AppError(
        'TEMPER_STAGE_FAILED',
        `expected version ${version} to be current until it is measured, but ${current ?? 'none'} is: it was replaced, so it gets no baseline. Ask for a new run if the version that serves should be hardened`,
      );
    }
    const served = await context.servedVersion();
    if (served === String(version)) return;
    if (clock.nowMs() > deadlineMs) {
      throw new AppError(
        'TEMPER_TARGET_UNREACHABLE',
        `expected the served model to report version ${version} within ${settings.verifyTimeoutSeconds} s, it reports ${served ?? 'none'}`,
        { retryable: true },
      );
    }
    await sleep(200);
  }
}

/** Half labelled hold-out inputs, half production samples of this model, newest first; hold-out fills what is missing. */
async function freezeCanaries(context: HardenContext, promoted: ModelVersion): Promise<CanarySet> {
  const { canaryCount: count, model, request } = context;
  const production = await context.store.recentSamples(
    model.name,
    request.frozenPositions,
    Math.floor(count / 2),
  );
  const holdOut = (await loadData(context.settings.data.canaries)).slice(0, count - production.length);
  const canaries: Canary[] = [
    ...labelledCanaries(holdOut),
    ...production.map(({ input }): Canary => ({ kind: 'production', input })),
  ];
  const version = String(promoted.version);
  const setId = canarySetId(model.name, version, canaries);
  const inputs = concatenate(canaries.map(({ input }) => input));
  const readings = await context.reader.read(inputs, canaries.length);
  const [rows] = await context.prober.probe({
    ...probeSettings(context),
    recipes: context.sentinels.slice(0, 1),
    ids: canaryIds(setId, canaries.length),
    inputs,
    model: promoted.ref,
  });
  return {
    setId,
    model: model.name,
    version,
    canaries,
    referenceScores: readings.map((reading) => (reading.kind === 'answer' ? reading.scores : undefined)),
    referenceSurvived: rows!.map(hasSurvived),
  };
}

function labelledCanaries(data: DataSlice): Canary[] {
  return Array.from({ length: data.count }, (_, i) => {
    const { inputs, labels } = data.rows([i]);
    return { kind: 'labelled', input: inputs, label: labels[0]! };
  });
}

async function measureBaselines(
  context: HardenContext,
  promoted: ModelVersion,
  setId: string,
): Promise<Baseline[]> {
  const { settings, sentinels, model, threat } = context;
  const split = await loadData(settings.data.baseline);
  const data = split.slice(0, settings.data.baselineRows ?? split.count);
  const { inputs, labels } = allRows(data);
  const measured = await measureSentinels({
    prober: context.prober,
    settings: probeSettings(context),
    model: promoted.ref,
    inputs,
    ids: Array.from({ length: data.count }, (_, i) => `baseline:${data.name}#${i}`),
    onProgress: (done) => context.progress('verify', { done, total: data.count }),
  });
  return sentinels.map((recipe, r) =>
    computeBaseline(outcomesOf(measured[r]!, labels), {
      model: model.name,
      version: String(promoted.version),
      recipe: recipeLabel(recipe),
      recipeId: recipeId(recipe),
      threatModelId: threatModelId(threat),
      canarySetId: setId,
      // Of the request, not of the clock: a verify that was killed and taken up again measures the same baseline.
      createdAtMs: context.request.requestedAtMs,
      confidence: context.baselineConfidence,
      sentinels: sentinels.length,
    }),
  );
}

function outcomesOf(
  { rows }: SentinelMeasurement,
  labels: Int32Array,
): { loss?: number; success: boolean; misread?: boolean }[] {
  return rows.map(({ outcome }, i) => {
    if (outcome.kind !== 'done') return { success: false };
    const { loss, success, predictionBefore } = outcome.measurement;
    return { loss, success, misread: predictionBefore !== labels[i] };
  });
}

function probeSettings({ sentinels, threat, seed, bisectionSteps }: HardenContext): ProbeSettings {
  return { recipes: sentinels, threat, seed, bisectionSteps };
}
