import { AppError, hasCode } from '../domain/errors.ts';
import type { Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import type { EngineName } from './choose.ts';
import { availableCores } from './cores.ts';
import type { Task } from './task.ts';
import { createWorkerSet } from './worker-set.ts';

export { defineTask } from './task.ts';
export type { Task, TaskContext, TaskFunction } from './task.ts';

export interface PoolOptions {
  readonly engine: EngineName;
  /** Processes, each with one thread. Default: one per core, at most 8. */
  readonly workers?: number | undefined;
  /** A worker above this resident memory is replaced between two tasks, bytes. Default 1.5 GiB. */
  readonly memoryLimitBytes?: number | undefined;
  readonly logger: Logger;
}

export interface RunOptions {
  readonly onProgress?: (value: unknown) => void;
}

/** Compute processes that run pure tasks. They start when there is work. */
export interface ComputePool {
  readonly engine: EngineName;
  /** Tasks that run at the same time. */
  readonly size: number;
  /**
   * Runs a task on the next free worker. A worker that dies is replaced and its task run again, twice at most; progress
   * starts over then.
   *
   * @param input plain data: what a structured clone carries, typed arrays included
   * @throws {AppError} with the code of the AppError that the task threw | TEMPER_ENGINE_TASK_FAILED (it threw anything
   *   else, which is the `cause`) | TEMPER_ENGINE_WORKER_LOST | TEMPER_ENGINE_UNAVAILABLE | TEMPER_INTERRUPTED (the pool
   *   was stopped)
   */
  run<I, O>(task: Task<I, O>, input: I, options?: RunOptions): Promise<O>;
}

const DEFAULT_MEMORY_LIMIT_BYTES = 1.5 * 2 ** 30;
const MOST_WORKERS = 8;
const ATTEMPTS = 3;

interface Job {
  readonly task: Task<never, unknown>;
  readonly input: unknown;
  readonly options: RunOptions;
  /** Workers that died of it. */
  losses: number;
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

/** A pool of compute processes. Jobs start in the order in which they came; a job whose worker died comes first. */
export function createPool(options: PoolOptions): Running<ComputePool> {
  const { engine, logger, workers: size = Math.min(MOST_WORKERS, availableCores()) } = options;
  const queue: Job[] = [];
  const busy = new Set<Promise<void>>();
  const workers = createWorkerSet({
    engine,
    memoryLimitBytes: options.memoryLimitBytes ?? DEFAULT_MEMORY_LIMIT_BYTES,
    logger,
  });
  let stopping: Promise<void> | undefined;

  const work = async (job: Job): Promise<void> => {
    try {
      job.resolve(await workers.use((worker) => worker.run(job.task, job.input, job.options.onProgress)));
    } catch (caught) {
      if (stopping !== undefined) {
        job.reject(interrupted());
        return;
      }
      const isLost = hasCode(caught, 'TEMPER_ENGINE_WORKER_LOST');
      if (!isLost || ++job.losses >= ATTEMPTS) {
        job.reject(caught);
        return;
      }
      logger.warn({ err: caught, task: job.task.exportName, losses: job.losses }, 'compute_worker_lost');
      queue.unshift(job);
    }
  };
  const pump = (): void => {
    while (stopping === undefined && busy.size < size && queue.length > 0) {
      const running = work(queue.shift()!).finally(() => {
        busy.delete(running);
        pump();
      });
      busy.add(running);
    }
  };
  const stop = async (): Promise<void> => {
    for (const job of queue.splice(0)) job.reject(interrupted());
    await workers.stop();
    await Promise.all(busy);
  };
  const run: ComputePool['run'] = (task, input, runOptions = {}) =>
    new Promise((resolve, reject) => {
      if (stopping !== undefined) {
        reject(interrupted());
        return;
      }
      // The types of the task guarantee that its output is what the caller waits for.
      const settle = resolve as (output: unknown) => void;
      queue.push({ task, input, options: runOptions, losses: 0, resolve: settle, reject });
      pump();
    });
  return { value: { engine, size, run }, stop: () => (stopping ??= stop()) };
}

function interrupted(): AppError {
  return new AppError('TEMPER_INTERRUPTED', 'the compute pool was stopped before this task was done', {
    retryable: true,
  });
}
