import { findAttack } from '../../attacks/catalogue.ts';
import { isCustom, loadCustomAttack } from '../../attacks/custom.ts';
import { watchMargins } from '../../attacks/margin-watch.ts';
import { createSession } from '../../attacks/session.ts';
import { createJudge } from '../../domain/criterion.ts';
import type { Batch, GradientTarget } from '../../domain/target.ts';
import { defineTask, type Task } from '../../engine/task.ts';
import { createAids } from '../aids.ts';
import { identityOf, loadTarget } from '../load-target.ts';
import type { AttackShardInput } from '../tasks.ts';
import { UNFINISHED_GAIN } from './thresholds.ts';

/** What the paths of an attack went through, by example; judged here, apart from the meter that evaluations rely on. */
export interface Trace {
  /** 1 where some point inside the ball, of all that were asked about, met the criterion. */
  readonly passed: Uint8Array;
  /** 1 where much of what the margin has risen was gained at the very end. */
  readonly unfinished: Uint8Array;
}

export type TraceInput = Omit<AttackShardInput, 'stopsAtFirstSuccess'>;

/** One recipe on one shard with the same draws as in an evaluation, to its end, whatever it finds on the way. */
export const traceShard: Task<TraceInput, Trace> = defineTask(__filename, 'runTraceShard');

export async function runTraceShard({ model, ...rest }: TraceInput): Promise<Trace> {
  return traceOn(await loadTarget(model), rest, identityOf(model));
}

/** The work of `traceShard` on any target. */
export async function traceOn(
  target: GradientTarget,
  { recipe, inputs: originals, labels, targets, ids, threat, seed, cleanScores }: Omit<TraceInput, 'model'>,
  identity = 'target',
): Promise<Trace> {
  const attack = isCustom(recipe.attack) ? await loadCustomAttack(recipe.attack) : findAttack(recipe.attack);
  const judge = createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets });
  const watch = watchMargins({ target, originals, labels, threat, judge });
  const risen = labels.length === 0 ? [] : Array.from(labels, (): number[] => []);
  const { queryBudget = Infinity } = threat;
  const follow = <A>(batch: Batch, answer: A): A => {
    for (const example of batch.rows.subarray(0, batch.count)) risen[example]!.push(watch.margins[example]!);
    return answer;
  };
  const followed: GradientTarget = {
    ...watch.target,
    scores: async (batch) => follow(batch, await watch.target.scores(batch)),
    gradient: async (batch, loss) => follow(batch, await watch.target.gradient(batch, loss)),
  };
  const rows = Int32Array.from(labels.keys());
  const clean = cleanScores ?? (await watch.target.scores({ inputs: originals, count: rows.length, rows }));
  await attack.prepare(recipe.parameters)(
    createSession({
      recipe,
      target: followed,
      originals,
      labels,
      ...(targets === undefined ? {} : { targets }),
      cleanScores: clean,
      ids,
      threat,
      seed,
      isLive: (example) => risen[example]!.length < queryBudget,
      nearest: () => Infinity,
      aids: createAids(target, identity),
    }),
  );
  return {
    passed: Uint8Array.from(watch.margins, (margin) => Number(margin > 0)),
    unfinished: Uint8Array.from(risen, (margins) => Number(lateGain(margins) > UNFINISHED_GAIN)),
  };
}

/**
 * The part of its whole rise that a best-so-far curve gained in its last tenth (one question at least): near 0 for one
 * that has settled, 0.1 for a straight line. 0 where it never rose, or has fewer than two points.
 */
export function lateGain(best: readonly number[]): number {
  const finite = best.filter(Number.isFinite);
  const first = finite[0] ?? 0;
  const last = finite.at(-1) ?? 0;
  const rise = last - first;
  if (!(rise > 0)) return 0;
  const before = finite[Math.max(0, finite.length - 1 - Math.max(1, Math.floor(finite.length / 10)))]!;
  return (last - before) / rise;
}
