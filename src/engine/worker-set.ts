import type { Logger } from '../domain/logger.ts';
import type { EngineName } from './choose.ts';
import { startWorker, type ComputeWorker } from './worker.ts';

export interface WorkerSetOptions {
  readonly engine: EngineName;
  readonly memoryLimitBytes: number;
  readonly logger: Logger;
}

/** Workers that exist, idle ones first used. Each is lent to one user at a time. */
export interface WorkerSet {
  /** Lends a worker, an idle one or a new one, for as long as `task` takes. */
  use<T>(task: (worker: ComputeWorker) => Promise<T>): Promise<T>;
  /** Ends all workers, also those at work. Afterwards `use` must not be called. */
  stop(): Promise<void>;
}

export function createWorkerSet(options: WorkerSetOptions): WorkerSet {
  const { engine, memoryLimitBytes, logger } = options;
  const env = engine === 'tensorflow' ? NATIVE_ENVIRONMENT : {};
  const idle: ComputeWorker[] = [];
  const all = new Set<ComputeWorker>();
  const take = (): ComputeWorker => {
    for (let worker = idle.pop(); worker !== undefined; worker = idle.pop()) {
      if (worker.isAlive()) return worker;
      all.delete(worker);
    }
    const started = startWorker({ engine, env });
    all.add(started);
    return started;
  };
  const giveBack = async (worker: ComputeWorker): Promise<void> => {
    const residentBytes = worker.residentBytes();
    if (worker.isAlive() && residentBytes <= memoryLimitBytes) {
      idle.push(worker);
      return;
    }
    if (worker.isAlive()) logger.debug({ residentBytes, memoryLimitBytes }, 'compute_worker_replaced');
    await worker.stop();
    all.delete(worker);
  };
  return {
    async use(task) {
      const worker = take();
      try {
        return await task(worker);
      } finally {
        await giveBack(worker);
      }
    },
    async stop() {
      await Promise.all([...all].map((worker) => worker.stop()));
    },
  };
}

/**
 * One thread for each worker: the same bits for any number of workers, and by measurement a third less CPU time per
 * gradient of the digits network than two threads in one worker.
 */
const NATIVE_ENVIRONMENT = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };
