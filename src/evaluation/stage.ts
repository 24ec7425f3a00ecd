import { findAttack } from '../attacks/catalogue.ts';
import type { DataSlice } from '../data/dataset.ts';
import { systemClock, type Clock } from '../domain/clock.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { clopperPearson } from '../statistics/clopper-pearson.ts';
import type { AttackPerExample, AttackResult } from './result.ts';
import { attackRows, type Examples } from './shards.ts';
import type { TaskRunner } from './task-runner.ts';

/** What is attacked, with what, and how it is counted. */
export interface Subject {
  readonly pool: TaskRunner;
  readonly model: ModelRef;
  readonly data: DataSlice;
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Coverage of the intervals. Default 0.95. */
  readonly confidence?: number;
  readonly clock?: Clock;
}

/** An evaluation under way. */
export interface Run {
  readonly subject: Subject;
  readonly examples: Examples;
  readonly advance: (stage: string, examples: number) => void;
  /** 1 where provably no attack succeeds: such examples withstand every recipe without being attacked. */
  readonly proved?: Uint8Array;
}

/** One recipe of an evaluation. */
export interface Stage {
  readonly recipe: Recipe;
  readonly scope: AttackResult['scope'];
  /** Name of the suite it belongs to. */
  readonly suite?: string;
  /** 1 where an example is attacked. */
  readonly wanted: Uint8Array;
}

/** Runs one recipe on the examples that are wanted, and counts. */
export async function runStage(
  { subject, examples, advance, proved }: Run,
  { recipe, scope, suite, wanted }: Stage,
): Promise<{ result: AttackResult; perExample: AttackPerExample }> {
  const { pool, model, threat, seed, clock = systemClock, confidence = 0.95, data } = subject;
  const ownLimits = findAttack(recipe.attack).limits === 'own';
  // What is proved is proved within the threat model.
  const isSafe = (i: number): boolean => !ownLimits && proved?.[i] === 1;
  const rows = Array.from(wanted.keys()).filter((i) => wanted[i] === 1 && !isSafe(i));
  const startedMs = clock.nowMs();
  advance(recipe.name, data.count - rows.length);
  const perExample = await attackRows({
    pool,
    model,
    examples,
    rows,
    attack: { recipe, threat, seed, stopsAtFirstSuccess: scope === 'survivors' },
    survivesBefore: wanted,
    onRows: (count) => advance(recipe.name, count),
  });
  const median = medianOf(
    rows.filter((i) => perExample.survives[i] === 0).map((i) => perExample.distance[i]!),
  );
  return {
    perExample,
    result: {
      recipe: recipe.name,
      id: recipeId(recipe),
      ...(suite === undefined ? {} : { suite }),
      scope,
      ...(ownLimits ? { limits: 'own' as const } : {}),
      attacked: rows.length,
      robust_accuracy: clopperPearson(countOnes(perExample.survives), data.count, confidence),
      ...(median === undefined ? {} : { median_distance: median }),
      forward_queries: sumOf(perExample.forwardQueries),
      gradient_queries: sumOf(perExample.gradientQueries),
      seconds: (clock.nowMs() - startedMs) / 1000,
    },
  };
}

export function countOnes(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0);
}

function sumOf(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Middle value, the mean of the two middle ones for an even number; undefined of nothing. */
function medianOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[half]
    : sorted.length === 0
      ? undefined
      : (sorted[half - 1]! + sorted[half]!) / 2;
}
