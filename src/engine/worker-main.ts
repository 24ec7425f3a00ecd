/** Entry of a compute worker: a process that starts one engine and runs one task at a time until its parent is gone. */
import { Worker } from 'node:worker_threads';
import { AppError, toError } from '../domain/errors.ts';
import { startBackend } from './backend.ts';
import type { EngineName } from './choose.ts';
import type { FromWorker, ToWorker } from './pool-messages.ts';
import type { TaskFunction } from './task.ts';
import { packError } from './transported-error.ts';

let engine: EngineName = 'wasm';

function send(message: FromWorker): void {
  process.send?.(message);
}

async function handle(message: ToWorker): Promise<void> {
  try {
    if (message.kind === 'start') {
      engine = message.engine;
      await startBackend(engine);
      send({ kind: 'ready' });
      return;
    }
    const task = await findTask(message.modulePath, message.exportName);
    const output = await task(message.input, {
      engine,
      progress: (value) => send({ kind: 'progress', value }),
    });
    send({ kind: 'done', output, residentBytes: process.memoryUsage.rss() });
  } catch (caught) {
    send({ kind: 'failed', error: packError(caught), residentBytes: process.memoryUsage.rss() });
  }
}

async function findTask(modulePath: string, exportName: string): Promise<TaskFunction<unknown, unknown>> {
  const module = (await import(modulePath)) as Record<string, unknown>;
  const task = module[exportName];
  if (typeof task !== 'function') {
    throw new AppError(
      'TEMPER_ENGINE_TASK_FAILED',
      `expected ${modulePath} to export the function ${exportName}`,
    );
  }
  return task as TaskFunction<unknown, unknown>; // defineTask gave the types
}

process.on('message', (message: ToWorker) => {
  // What a worker cannot even report ends it; the parent sees the exit.
  handle(message).catch((caught: unknown) => {
    process.stderr.write(`${toError(caught).stack ?? String(caught)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
// The parent decides when a worker ends: a Ctrl-C for the whole group must not kill work that is being saved.
process.on('SIGINT', () => undefined);
// A task that computes without a pause would hear of the disconnect only at its end: a thread watches as well.
new Worker(__filename.replace(/worker-main\.js$/, 'orphan-watch.js'), {
  workerData: Number(process.argv[2]),
}).unref();
