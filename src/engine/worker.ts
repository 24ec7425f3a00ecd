import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { AppError, ERROR_CODES, type ErrorCode } from '../domain/errors.ts';
import type { EngineName } from './choose.ts';
import { compiledPath } from './compiled-path.ts';
import type { FromWorker, ToWorker, TransportedError } from './pool-messages.ts';
import type { Task } from './task.ts';

const STOP_TIMEOUT_MS = 3000;
/** What a worker's process needs of the parent's environment. */
const PASSED_ENVIRONMENT = /^(PATH|HOME|TMPDIR|LANG|LC_.*|LD_LIBRARY_PATH|OMP_.*|TF_.*|NODE_EXTRA_CA_CERTS)$/;

/** One compute process, running one task at a time. */
export interface ComputeWorker {
  readonly pid: number;
  /** @throws {AppError} TEMPER_ENGINE_TASK_FAILED, or WORKER_LOST when the process ended before it answered */
  run(task: Task<never, unknown>, input: unknown, onProgress?: (value: unknown) => void): Promise<unknown>;
  /** Resident memory after the last task, bytes. */
  residentBytes(): number;
  isAlive(): boolean;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly engine: EngineName;
  readonly env: Readonly<Record<string, string>>;
}

interface Waiting {
  resolve(message: FromWorker): void;
  reject(error: Error): void;
  onProgress?: ((value: unknown) => void) | undefined;
}

/** Starts a process and waits until its engine is ready. */
export async function startWorker({ engine, env }: WorkerOptions): Promise<ComputeWorker> {
  const entry = compiledPath(__filename).replace(/worker\.js$/, 'worker-main.js');
  const child = fork(entry, [], {
    serialization: 'advanced',
    env: { ...passedEnvironment(), ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  lowerPriority(child);
  let waiting: Waiting | undefined;
  let residentBytes = 0;
  let ended: string | undefined;
  const exited = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      ended ??= how;
      waiting?.reject(lost(ended));
      waiting = undefined;
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(`exit ${code ?? signal ?? 'unknown'}`));
  });
  child.on('message', (message: FromWorker) => {
    if (message.kind === 'progress') return waiting?.onProgress?.(message.value);
    if ('residentBytes' in message) residentBytes = message.residentBytes;
    const settled = waiting;
    waiting = undefined;
    settled?.resolve(message);
  });
  const ask = (message: ToWorker, onProgress?: (value: unknown) => void): Promise<FromWorker> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(lost(ended));
        return;
      }
      waiting = { resolve, reject, onProgress };
      child.send(message, (error) => {
        if (error) reject(lost(error.message));
      });
    });
  await ask({ kind: 'start', engine });
  return {
    pid: child.pid ?? 0,
    async run({ modulePath, exportName }, input, onProgress) {
      const answer = await ask(
        { kind: 'task', modulePath: compiledPath(modulePath), exportName, input },
        onProgress,
      );
      if (answer.kind === 'failed') throw taskFailed(answer.error, exportName);
      return answer.kind === 'done' ? answer.output : undefined;
    },
    residentBytes: () => residentBytes,
    isAlive: () => ended === undefined,
    stop: () => stopChild(child, exited),
  };
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

/** Compute must never starve a model server beside it. */
function lowerPriority(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already (reported by 'exit'), or the system has no priorities.
  }
}

function passedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) => PASSED_ENVIRONMENT.test(name) && value,
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

function lost(how: string): AppError {
  return new AppError('TEMPER_ENGINE_WORKER_LOST', `a compute worker ended before it answered (${how})`, {
    retryable: true,
  });
}

function taskFailed({ message, stack, code, retryable }: TransportedError, exportName: string): AppError {
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  // An error of ours keeps its code across the process border: callers branch on it.
  const known = code !== undefined && code in ERROR_CODES ? (code as ErrorCode) : 'TEMPER_ENGINE_TASK_FAILED';
  const text = known === code ? message : `task ${exportName} failed in a compute worker: ${message}`;
  return new AppError(known, text, { cause, retryable });
}
