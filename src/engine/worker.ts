import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { AppError, toError } from '../domain/errors.ts';
import type { EngineName } from './choose.ts';
import { childEnvironment } from './child-environment.ts';
import { compiledPath } from './compiled-path.ts';
import type { Answer, FromWorker, ToWorker } from './pool-messages.ts';
import type { Task } from './task.ts';
import { unpackError } from './transported-error.ts';

const STOP_TIMEOUT_MS = 1000;

type OnProgress = (value: unknown) => void;

/** One compute process, running one task at a time. */
export interface ComputeWorker {
  /** @throws {AppError} what the task threw, WORKER_LOST when the process ended first, UNAVAILABLE without an engine */
  run(task: Task<never, unknown>, input: unknown, onProgress?: OnProgress): Promise<unknown>;
  /** Resident memory after the last task, bytes. */
  residentBytes(): number;
  isAlive(): boolean;
  /** Ends the process, by force after a second. Idempotent. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly engine: EngineName;
  /** Set on top of what is passed from this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a process. The first task waits until its engine runs. */
export function startWorker({ engine, env }: WorkerOptions): ComputeWorker {
  const entry = compiledPath(__filename).replace(/worker\.js$/, 'worker-main.js');
  const child = fork(entry, [String(process.pid)], {
    serialization: 'advanced',
    env: childEnvironment(env),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  lowerPriority(child);
  const conversation = converse(child);
  let residentBytes = 0;
  const ask = async (message: ToWorker, onProgress?: OnProgress): Promise<unknown> => {
    const answer = await conversation.ask(message, onProgress);
    if (answer.kind === 'ready') return undefined;
    residentBytes = answer.residentBytes;
    if (answer.kind === 'done') return answer.output;
    throw unpackError(answer.error, message.kind === 'task' ? message.exportName : 'start');
  };
  const ready = ask({ kind: 'start', engine });
  ready.catch(() => undefined); // the first task reports it
  return {
    async run({ modulePath, exportName }, input, onProgress) {
      await ready;
      return ask({ kind: 'task', modulePath: compiledPath(modulePath), exportName, input }, onProgress);
    },
    residentBytes: () => residentBytes,
    isAlive: () => conversation.isOpen(),
    async stop() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await conversation.ended;
      clearTimeout(timer);
    },
  };
}

interface Conversation {
  /** Sends a message and waits for the answer to it. One at a time. */
  ask(message: ToWorker, onProgress?: OnProgress): Promise<Answer>;
  isOpen(): boolean;
  readonly ended: Promise<void>;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
}

function converse(child: ChildProcess): Conversation {
  let waiting: Waiting | undefined;
  let end: string | undefined;
  const settle = (how: (open: Waiting) => void): void => {
    const open = waiting;
    waiting = undefined;
    if (open !== undefined) how(open);
  };
  const ended = new Promise<void>((resolve) => {
    const finish = (how: string): void => {
      end ??= how;
      settle(({ reject }) => reject(lost(how)));
      resolve();
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, signal) => finish(signal ?? `exit code ${code ?? 'unknown'}`));
  });
  child.on('message', (message: FromWorker) => {
    if (message.kind === 'progress') waiting?.onProgress?.(message.value);
    else settle(({ resolve }) => resolve(message));
  });
  const ask: Conversation['ask'] = (message, onProgress) =>
    new Promise((resolve, reject) => {
      if (end !== undefined) {
        reject(lost(end));
        return;
      }
      waiting = { resolve, reject, onProgress };
      try {
        child.send(message, (error) => {
          if (error !== null) settle((open) => open.reject(lost(error.message)));
        });
      } catch (caught) {
        settle((open) => open.reject(unsendable(caught)));
      }
    });
  return { ask, isOpen: () => end === undefined && child.connected, ended };
}

/** Compute must never starve a model server beside it. */
function lowerPriority(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already (reported by 'exit'), or the system has no priorities.
  }
}

function lost(how: string): AppError {
  const hint = how === 'SIGKILL' ? '; the system may have run out of memory' : '';
  return new AppError(
    'TEMPER_ENGINE_WORKER_LOST',
    `a compute worker ended before it answered (${how}${hint})`,
    { retryable: true },
  );
}

function unsendable(caught: unknown): AppError {
  return new AppError(
    'TEMPER_ENGINE_TASK_FAILED',
    `expected a task's input to be plain data: ${toError(caught).message}`,
    { cause: caught },
  );
}
