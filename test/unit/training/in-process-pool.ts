import type { ComputePool, Task, TaskFunction } from '../../../src/engine/pool.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';

/** Runs tasks in this process, one at a time, on copies of their input as a child process would get. */
export function inProcessPool(onTask: (task: Task<never, unknown>) => void = () => undefined): ComputePool {
  let last: Promise<unknown> = startTestBackend();
  return {
    engine: testEngine,
    size: 1,
    run<I, O>(task: Task<I, O>, input: I): Promise<O> {
      const result = last.then(async () => {
        onTask(task);
        const module = (await import(task.modulePath)) as Record<string, TaskFunction<I, O>>;
        return module[task.exportName]!(copy(input) as I, { engine: testEngine, progress: () => undefined });
      });
      last = result.catch(() => undefined);
      return result;
    },
  };
}

/** Like structuredClone, but with this realm's arrays. */
function copy(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return (value as Float32Array).slice();
  if (Array.isArray(value)) return value.map(copy);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]));
}
