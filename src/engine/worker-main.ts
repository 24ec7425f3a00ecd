/** Entry of a compute worker: a process that starts one engine and runs one task at a time until its parent is gone. */
import { AppError, toError } from '../domain/errors.ts';
import { startBackend } from './backend.ts';
import type { EngineName } from './choose.ts';
import type { FromWorker, ToWorker, TransportedError } from './pool-messages.ts';
import type { TaskFunction } from './task.ts';

let engine: EngineName = 'wasm';

function send(message: FromWorker): void {
  process.send?.(message);
}

async function handle(message: ToWorker): Promise<void> {
  if (message.kind === 'start') {
    engine = message.engine;
    await startBackend(engine);
    send({ kind: 'ready' });
    return;
  }
  const residentBytes = (): number => process.memoryUsage.rss();
  try {
    const task = await findTask(message.modulePath, message.exportName);
    const output = await task(message.input, {
      engine,
      progress: (value) => send({ kind: 'progress', value }),
    });
    send({ kind: 'done', output, residentBytes: residentBytes() });
  } catch (caught) {
    send({ kind: 'failed', error: transported(caught), residentBytes: residentBytes() });
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

function transported(caught: unknown): TransportedError {
  const error = toError(caught);
  const isOurs = caught instanceof AppError;
  return {
    message: error.message,
    stack: error.stack,
    code: isOurs ? caught.code : undefined,
    retryable: isOurs && caught.retryable,
  };
}

process.on('message', (message: ToWorker) => {
  // A worker that cannot start its engine ends; the parent reports it.
  handle(message).catch((caught: unknown) => {
    process.stderr.write(`${toError(caught).stack ?? String(caught)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
// The parent decides when a worker ends: a Ctrl-C for the whole group must not kill work that is being saved.
process.on('SIGINT', () => undefined);
