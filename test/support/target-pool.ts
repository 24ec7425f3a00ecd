import type { GradientTarget } from '../../src/domain/target.ts';
import type { ComputePool } from '../../src/engine/pool.ts';
import type { Task } from '../../src/engine/task.ts';
import { attackBatch, type AttackBatchOptions } from '../../src/evaluation/attack-batch.ts';
import { scoreCorruptedOn, type CorruptedShardInput } from '../../src/evaluation/corruption-tasks.ts';
import { inspect, type InspectInput } from '../../src/evaluation/indicators/inspect.ts';
import type { ScoreShardInput } from '../../src/evaluation/tasks.ts';
import { testEngine } from './engine.ts';

/** Does the evaluation's tasks in this process, on one target that need not be a model in a file. */
export function targetPool(target: GradientTarget): ComputePool {
  const work: Readonly<Record<string, (input: unknown) => Promise<unknown>>> = {
    runScoreShard(input) {
      const { inputs, count } = input as ScoreShardInput;
      return target.scores({ inputs, count, rows: Int32Array.from({ length: count }, (_, i) => i) });
    },
    runScoreCorrupted: (input) => scoreCorruptedOn(target, input as CorruptedShardInput),
    runAttackShard: (input) => attackBatch({ ...(input as AttackBatchOptions), target }),
    runInspectShard: (input) => inspect(target, input as InspectInput),
  };
  return {
    engine: testEngine,
    size: 1,
    run: async <I, O>(task: Task<I, O>, input: I): Promise<O> => (await work[task.exportName]!(input)) as O,
  };
}
