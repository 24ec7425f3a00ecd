import { availableParallelism } from 'node:os';
import { AppError, hasCode } from '../domain/errors.ts';
import type { Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import type { EngineName } from './choose.ts';
import type { Task } from './task.ts';
import { startWorker, type ComputeWorker } from './worker.ts';

export { defineTask } from './task.ts';
export type { Task, TaskContext, TaskFunction } from './task.ts';

export interface PoolOptions {
  readonly engine: EngineName;
  /** Processes. Default: one per core for WebAssembly, which has one thread; one for the native engine, which has its own. */
  readonly workers?: number | undefined;
  /** A worker above this resident memory is replaced between two tasks, bytes. Default 1.5 GiB. */
  readonly memoryLimitBytes?: number;
  readonly logger: Logger;
}

export interface RunOptions {
  readonly onProgress?: (value: unknown) => void;
}

/** Compute processes that run pure tasks. They start when there is work. */
export interface ComputePool {
  readonly engine: EngineName;
  readonly size: number;
  /** Runs a task on the next free worker. A worker that dies is replaced and its task run again, twice at most. */
  run<I, O>(task: Task<I, O>, input: I, options?: RunOptions): Promise<O>;
}

const DEFAULT_MEMORY_LIMIT_BYTES = 1.5 * 2 ** 30;
const ATTEMPTS = 3;

interface Job {
  readonly task: Task<never, unknown>;
  readonly input: unknown;
  readonly options: RunOptions;
  attempts: number;
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

/**
 * A pool of compute processes. Each slot is `empty` → (a job comes) `starting` → `busy` → `idle` → `busy` …; a slot whose
 * worker died or outgrew its memory is `empty` again. Jobs start in the order in which they came.
 */
export function createPool(options: PoolOptions): Running<ComputePool> {
  const size = options.workers ?? defaultWorkers(options.engine);
  const queue: Job[] = [];
  const busy = new Set<Promise<void>>();
  const workers = createWorkerSet(options);
  let stopped = false;

  const work = async (job: Job): Promise<void> => {
    try {
      const output = await workers.use((worker) => worker.run(job.task, job.input, job.options.onProgress));
      job.resolve(output);
    } catch (caught) {
      job.attempts++;
      if (!hasCode(caught, 'TEMPER_ENGINE_WORKER_LOST') || job.attempts >= ATTEMPTS || stopped) {
        job.reject(caught);
        return;
      }
      options.logger.warn({ task: job.task.exportName, attempt: job.attempts }, 'compute_worker_lost');
      queue.unshift(job);
    }
  };
  const pump = (): void => {
    while (!stopped && busy.size < size && queue.length > 0) {
      const running = work(queue.shift()!).finally(() => {
        busy.delete(running);
        pump();
      });
      busy.add(running);
    }
  };
  const run: ComputePool['run'] = (task, input, runOptions = {}) =>
    new Promise((resolve, reject) => {
      if (stopped) {
        reject(new AppError('TEMPER_INTERRUPTED', 'the compute pool has been stopped'));
        return;
      }
      // The types of the task guarantee that its output is what the caller waits for.
      const settle = resolve as (output: unknown) => void;
      queue.push({
        task: task,
        input,
        options: runOptions,
        attempts: 0,
        resolve: settle,
        reject,
      });
      pump();
    });
  return {
    value: { engine: options.engine, size, run },
    async stop() {
      stopped = true;
      const interrupted = new AppError(
        'TEMPER_INTERRUPTED',
        'the compute pool was stopped before this task ran',
      );
      for (const job of queue.splice(0)) job.reject(interrupted);
      await workers.stop();
      await Promise.all(busy);
    },
  };
}

interface WorkerSet {
  /** Lends a worker, an idle one or a new one, for as long as `task` takes. */
  use<T>(task: (worker: ComputeWorker) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

function createWorkerSet({ engine, memoryLimitBytes = DEFAULT_MEMORY_LIMIT_BYTES }: PoolOptions): WorkerSet {
  const idle: ComputeWorker[] = [];
  const all = new Set<ComputeWorker>();
  let stopped = false;
  const take = async (): Promise<ComputeWorker> => {
    const waiting = idle.pop();
    if (waiting?.isAlive() === true) return waiting;
    const worker = await startWorker({ engine, env: {} });
    all.add(worker);
    return worker;
  };
  const giveBack = async (worker: ComputeWorker): Promise<void> => {
    if (worker.isAlive() && worker.residentBytes() <= memoryLimitBytes && !stopped) {
      idle.push(worker);
      return;
    }
    all.delete(worker);
    await worker.stop();
  };
  return {
    async use(task) {
      const worker = await take();
      try {
        return await task(worker);
      } finally {
        await giveBack(worker);
      }
    },
    async stop() {
      stopped = true;
      await Promise.all([...all].map((worker) => worker.stop()));
    },
  };
}

function defaultWorkers(engine: EngineName): number {
  return engine === 'wasm' ? Math.max(1, Math.min(8, availableParallelism())) : 1;
}
