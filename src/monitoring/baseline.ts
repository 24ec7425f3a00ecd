import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { hashJson } from '../domain/hashing.ts';
import { createRng, permutation } from '../domain/rng.ts';
import { clopperPearson } from '../statistics/clopper-pearson.ts';
import { fixedSampleLower, fixedSampleUpper } from '../statistics/hedged-capital.ts';

export const intervalSchema = z.strictObject({
  value: z.number(),
  lower: z.number(),
  upper: z.number(),
  n: z.int().min(0),
  confidence: z.number(),
});

/**
 * What one sentinel risks on a version that passed the gate, measured afterwards on data that decided nothing.
 * The monitors test against `upper` plus the tolerance, and `lower` minus it.
 */
export const baselineSchema = z.strictObject({
  model: z.string().min(1),
  version: z.string().min(1),
  /** `name@id8`, as in labels and alerts. */
  recipe: z.string().min(1),
  recipeId: z.string().min(1),
  threatModelId: z.string().min(1),
  n: z.int().min(1),
  /** Mean loss; missing outcomes count 0 in the lower and 1 in the upper end. */
  risk: intervalSchema,
  /** r0: the upper end of `risk`, before the tolerance. */
  upper: z.number().min(0).max(1),
  /** The lower end of `risk`, before the tolerance. */
  lower: z.number().min(0).max(1),
  /** Share of inputs on which the attack succeeded within epsilon (exact interval). */
  binaryRisk: intervalSchema,
  /** Share of inputs that the model misreads without an attack; absent when nothing was labelled. */
  cleanError: intervalSchema.optional(),
  canarySetId: z.string().optional(),
  createdAtMs: z.number(),
});

export type Baseline = z.infer<typeof baselineSchema>;

/** Outcome of one input of the baseline split under one sentinel. */
export interface BaselineOutcome {
  /** Loss in [0, 1]; absent when the probe ended expired or unprobeable. */
  readonly loss?: number | undefined;
  /** Whether the attack succeeded within epsilon; false when the probe is missing. */
  readonly success: boolean;
  /** Whether the clean input was misread, against its label; absent when it has none. */
  readonly misread?: boolean | undefined;
}

export interface BaselineOptions {
  readonly model: string;
  readonly version: string;
  readonly recipe: string;
  readonly recipeId: string;
  readonly threatModelId: string;
  readonly canarySetId?: string | undefined;
  readonly createdAtMs: number;
  /** Probability with which the risk intervals of all sentinels hold together, in (0, 1), e.g. 0.99. */
  readonly confidence: number;
  /** How many sentinels share that probability. Default 1. */
  readonly sentinels?: number;
}

/**
 * Baseline of one sentinel from an untouched split: data that neither chose a checkpoint nor passed the gate.
 * The risk interval is the fixed-sample betting bound at (1 − confidence) / (2 · sentinels) on each side. That bound
 * needs a constant conditional mean, which the order of a data set may not have (easy inputs first), so the outcomes
 * are taken in a fixed random order. The width falls as 1/√n: 2,000 inputs at risk 0.1 give about ±0.02, and that, not
 * the detector, decides how soon a change is seen.
 *
 * @param outcomes shape [n], one per independent input, n ≥ 1
 * @throws {AppError} TEMPER_STATS_EMPTY | TEMPER_STATS_RANGE
 */
export function computeBaseline(outcomes: readonly BaselineOutcome[], options: BaselineOptions): Baseline {
  if (outcomes.length === 0)
    throw new AppError('TEMPER_STATS_EMPTY', 'expected outcomes of the baseline split, got none');
  const { sentinels = 1, confidence: together, canarySetId, ...names } = options;
  const confidence = 1 - (1 - together) / sentinels;
  const risk = riskInterval(outcomes, confidence);
  const binary = clopperPearson(
    count(outcomes, ({ success }) => success),
    outcomes.length,
    confidence,
  );
  const labelled = outcomes.filter(({ misread }) => misread !== undefined);
  return {
    ...names,
    n: outcomes.length,
    risk,
    upper: risk.upper,
    lower: risk.lower,
    binaryRisk: binary,
    ...(labelled.length > 0 && {
      cleanError: clopperPearson(
        count(labelled, ({ misread }) => misread!),
        labelled.length,
        confidence,
      ),
    }),
    ...(canarySetId !== undefined && { canarySetId }),
  };
}

/** Identity of the baselines of one version, 16 hex digits: part of every alarm's id. */
export function baselineIdOf(baselines: readonly Baseline[]): string {
  return hashJson(baselines).slice(0, 16);
}

function riskInterval(outcomes: readonly BaselineOutcome[], confidence: number): Baseline['risk'] {
  const level = (1 - confidence) / 2;
  const done = outcomes.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  const order = permutation(outcomes.length, createRng('baseline-order', outcomes.length));
  const losses = Array.from(order, (index) => outcomes[index]!.loss);
  const lower = fixedSampleLower(
    losses.map((loss) => loss ?? 0),
    level,
  );
  const upper = fixedSampleUpper(
    losses.map((loss) => loss ?? 1),
    level,
  );
  const mean =
    done.length === 0 ? (lower + upper) / 2 : done.reduce((sum, loss) => sum + loss, 0) / done.length;
  return { value: Math.min(upper, Math.max(lower, mean)), lower, upper, n: outcomes.length, confidence };
}

function count<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length;
}
