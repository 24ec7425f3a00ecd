import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';

export interface ProcessOptions {
  readonly name: string;
  /** Program and arguments, e.g. ['/usr/bin/node', 'dist/src/cli/main.js', 'serve', …]. */
  readonly command: readonly string[];
  readonly logDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopTimeoutMs?: number;
}

export interface DemoProcess {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Rejects when the process ends although nobody stopped it. */
  readonly ended: Promise<never>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a process with its output in a log file, to be stopped by SIGTERM, then SIGKILL. */
export function startProcess(options: ProcessOptions): Running<DemoProcess> {
  const [program, ...args] = options.command;
  const logPath = join(options.logDirectory, `${options.name}.log`);
  const log = createWriteStream(logPath, { flags: 'a' });
  const child = spawn(program!, args, { env: { ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let stopping = false;
  const exited = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const ended = exited.then((code): Promise<never> => {
    if (stopping) return never();
    throw new AppError(
      'TEMPER_STAGE_FAILED',
      `${options.name} ended unexpectedly (${code}); its log is ${logPath}`,
    );
  });
  // Watched by whoever waits on the demo's progress; a stop before anybody waits must not be an unhandled rejection.
  ended.catch(() => undefined);
  return {
    value: {
      name: options.name,
      pid: child.pid ?? 0,
      logPath,
      ended,
      kill(signal) {
        stopping = true;
        child.kill(signal);
      },
    },
    async stop() {
      stopping = true;
      await stopChild(child, exited, options.stopTimeoutMs ?? 10_000);
      log.end();
    },
  };
}

async function stopChild(child: ChildProcess, exited: Promise<unknown>, timeoutMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await exited;
  clearTimeout(timer);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
