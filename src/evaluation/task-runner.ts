import { AppError } from '../domain/errors.ts';
import { hasGradient, type GradientTarget, type ScoreTarget } from '../domain/target.ts';
import type { EngineName } from '../engine/choose.ts';
import type { Task } from '../engine/task.ts';
import { createAids } from './aids.ts';
import { attackBatch } from './attack-batch.ts';
import { scoreCorrupted, scoreCorruptedOn } from './corruption-tasks.ts';
import { inspect, inspectShard } from './indicators/inspect.ts';
import { tryOn, tryShard } from './explorer/trial.ts';
import { traceOn, traceShard } from './indicators/trace.ts';
import { attackAndRefine, attackAndRefineOn, attackShard, scoreShard } from './tasks.ts';

/** Who does the tasks of an evaluation: a pool of compute processes, or this process. */
export interface TaskRunner {
  /** `served`: scores come from elsewhere, and nobody here knows how they were computed. */
  readonly engine: EngineName | 'served';
  run<I, O>(task: Task<I, O>, input: I): Promise<O>;
}

/** Targets of this process so far: what is made once is made once for each. */
let targets = 0;

/**
 * Does the tasks in this process, on one target that need not be a model in a file; the model that a task names is not
 * looked at. For targets that are asked over a network, where attacking costs this process little.
 */
export function createTargetRunner(
  target: ScoreTarget | GradientTarget,
  engine: TaskRunner['engine'],
): TaskRunner {
  const work = new Map<string, (input: never) => Promise<unknown>>();
  const does = <I, O>({ exportName }: Task<I, O>, how: (input: I) => Promise<O>): void => {
    work.set(exportName, how);
  };
  does(scoreShard, ({ inputs, count }) =>
    target.scores({ inputs, count, rows: Int32Array.from({ length: count }, (_, i) => i) }),
  );
  does(scoreCorrupted, (input) => scoreCorruptedOn(target, input));
  const aids = createAids(target, `target ${++targets}`);
  if (hasGradient(target)) does(tryShard, (input) => tryOn(target, input));
  does(attackShard, (input) => attackBatch({ ...input, target, aids }));
  does(attackAndRefine, (input) => attackAndRefineOn(target, { ...input, aids }));
  if (hasGradient(target)) {
    does(inspectShard, (input) => inspect(target, input));
    does(traceShard, (input) => traceOn(target, input));
  }
  return {
    engine,
    async run<I, O>({ exportName }: Task<I, O>, input: I): Promise<O> {
      const how = work.get(exportName);
      if (how === undefined)
        throw new AppError(
          'TEMPER_ATTACK_ACCESS',
          `${exportName} needs the files of a model, or its gradients; there is only a target that gives scores`,
        );
      // Each entry has the types of the task of its name.
      return (await how(input as never)) as O;
    },
  };
}
