import { watchMargins } from '../../attacks/margin-watch.ts';
import { createJudge } from '../../domain/criterion.ts';
import type { GradientTarget } from '../../domain/target.ts';
import { defineTask, type Task } from '../../engine/task.ts';
import { createAids } from '../aids.ts';
import { attackBatch } from '../attack-batch.ts';
import { identityOf, loadTarget } from '../load-target.ts';
import type { AttackShardInput } from '../tasks.ts';

/** How near a recipe came, by example. */
export interface Trial {
  readonly success: Uint8Array;
  /** Largest margin inside the ball; at least 0 where it succeeded. */
  readonly margins: Float64Array;
  readonly forwardQueries: number;
  readonly gradientQueries: number;
  /** What it cost per example that withstood it, in forward passes; the most that any example cost. */
  readonly compute: number;
}

/** What a gradient costs beside its forward pass, in forward passes. */
const BACKWARD = 2;

/** One recipe on one shard, watched. */
export const tryShard: Task<AttackShardInput, Trial> = defineTask(__filename, 'runTryShard');

export async function runTryShard({ model, ...rest }: AttackShardInput): Promise<Trial> {
  return tryOn(await loadTarget(model), rest, identityOf(model));
}

/** The work of `tryShard` on any target. */
export async function tryOn(
  target: GradientTarget,
  input: Omit<AttackShardInput, 'model'>,
  identity = 'target',
): Promise<Trial> {
  const { inputs: originals, labels, targets, threat } = input;
  const judge = createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets });
  const watch = watchMargins({ target, originals, labels, threat, judge });
  const found = await attackBatch({ ...input, target: watch.target, aids: createAids(target, identity) });
  const sum = (counts: Uint32Array): number => counts.reduce((a, b) => a + b, 0);
  return {
    success: found.success,
    margins: watch.margins.map((margin, i) => (found.success[i] === 1 ? Math.max(0, margin) : margin)),
    forwardQueries: sum(found.forwardQueries),
    gradientQueries: sum(found.gradientQueries),
    compute: found.forwardQueries.reduce(
      (most, forwards, i) => Math.max(most, forwards + BACKWARD * found.gradientQueries[i]!),
      0,
    ),
  };
}

/** Trials of one recipe on several shards as one, in their order. */
export function joinTrials(parts: readonly Trial[]): Trial {
  return {
    success: Uint8Array.from(parts.flatMap(({ success }) => [...success])),
    margins: Float64Array.from(parts.flatMap(({ margins }) => [...margins])),
    forwardQueries: parts.reduce((sum, part) => sum + part.forwardQueries, 0),
    gradientQueries: parts.reduce((sum, part) => sum + part.gradientQueries, 0),
    compute: parts.reduce((most, part) => Math.max(most, part.compute), 0),
  };
}
