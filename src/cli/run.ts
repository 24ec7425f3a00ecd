import type { Command } from 'commander';

import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { createReleaseStack } from '../domain/lifecycle.ts';
import type { ReleaseStack } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { createLogger } from './logger.ts';
import type { LogFormat, LogLevel, ProcessLogger } from './logger.ts';
import type { Output } from './output.ts';
import { errorJson, printError } from './print-error.ts';
import { createProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { createShutdown } from './shutdown.ts';
import type { SignalSource } from './shutdown.ts';

/** The process as the command line sees it. main.ts makes it from `process`, tests from memory. */
export interface CliHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly signals: SignalSource;
  readonly pid: number;
  /** Path of the Node.js program, and its version: `v20.19.0`. */
  readonly node: { readonly path: string; readonly version: string };
  /** Ends the process at once. */
  hardExit(code: ExitCode): void;
}

/** What a command's work is given. */
export interface Run {
  readonly host: CliHost;
  readonly logger: Logger;
  /** Results: what a script would read. */
  readonly stdout: Output;
  /** Everything else: logs, progress, errors. */
  readonly stderr: Output;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Resolves at the first SIGINT or SIGTERM: a service starts, then awaits this. */
  readonly stopped: Promise<void>;
  /** What the work started; released in reverse order when it ends, however it ends. */
  readonly releases: ReleaseStack;
  /** Takes the level of the configuration, unless a flag chose one. */
  useLogLevel(level: LogLevel): void;
  /** A bar on a terminal, lines elsewhere; on standard error. */
  progress(label: string, total: number): Progress;
}

/** The work of a command: resolves to the exit code, `done` when it names none. */
export type Work<Options> = (run: Run, options: Options, ...args: string[]) => Promise<ExitCode | undefined>;

/** Turns work into a commander action. */
export interface Cli {
  readonly host: CliHost;
  action<Options extends object>(work: Work<Options>): (...given: unknown[]) => Promise<void>;
}

/** One file per command exports one of these. */
export type CommandModule = (program: Command, cli: Cli) => void;

interface LogOptions {
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  /** Commands with a boolean `--json` report their errors as JSON too. */
  readonly json?: unknown;
}

/**
 * A Cli that runs actions on a host and hands each exit code to `finish`. Errors are printed, never thrown: what a
 * person sees is decided here alone.
 */
export function createCli(host: CliHost, finish: (code: ExitCode) => void): Cli {
  return {
    host,
    action:
      (work) =>
      async (...given) => {
        // Commander calls an action with the arguments, then the options, then the command.
        const command = given.at(-1) as Command;
        const options = command.optsWithGlobals();
        const args = given
          .slice(0, -2)
          .flat()
          .filter((arg) => arg !== undefined) as string[];
        // Each command declares the options that it reads, beside the interface that names them.
        finish(
          await runWork(host, options, (run) => work(run, options as Parameters<typeof work>[1], ...args)),
        );
      },
  };
}

async function runWork(
  host: CliHost,
  options: LogOptions,
  work: (run: Run) => Promise<ExitCode | undefined>,
): Promise<ExitCode> {
  const process = await createLogger({
    level: options.logLevel ?? 'info',
    format: options.logFormat ?? 'auto',
    output: host.stderr,
  });
  const shutdown = createShutdown({
    signals: host.signals,
    logger: process.logger,
    hardExit: () => host.hardExit(EXIT.interrupted),
  });
  const releases = createReleaseStack();
  const run = createRun({
    host,
    process,
    options,
    releases,
    signal: shutdown.signal,
    stopped: shutdown.stopped,
  });
  try {
    const code = await settle(host, options, () => work(run));
    const released = await settle(host, options, async () => {
      await releases.release();
      return undefined;
    });
    return released === EXIT.done ? code : released;
  } finally {
    shutdown.dispose();
  }
}

/** Runs, and turns what it throws into a printed error and an exit code. */
async function settle(
  host: CliHost,
  options: LogOptions,
  work: () => Promise<ExitCode | undefined>,
): Promise<ExitCode> {
  try {
    return (await work()) ?? EXIT.done;
  } catch (caught) {
    if (options.json === true) host.stdout.write(`${JSON.stringify(errorJson(caught), null, 2)}\n`);
    printError(host.stderr, caught);
    return exitCodeOf(caught);
  }
}

function createRun(parts: {
  readonly host: CliHost;
  readonly process: ProcessLogger;
  readonly options: LogOptions;
  readonly releases: ReleaseStack;
  readonly signal: AbortSignal;
  readonly stopped: Promise<void>;
}): Run {
  const { host, process, options, releases, signal, stopped } = parts;
  return {
    host,
    logger: process.logger,
    stdout: host.stdout,
    stderr: host.stderr,
    signal,
    stopped,
    releases,
    useLogLevel(level) {
      if (options.logLevel === undefined) process.setLevel(level);
    },
    progress: (label, total) => createProgress({ label, total, output: host.stderr, clock: host.clock }),
  };
}

/** Waits for work that cannot be stopped half-way, but not once the run was asked to stop: releasing ends the work. */
export async function untilStopped<T>(run: Pick<Run, 'stopped'>, work: Promise<T>): Promise<T> {
  const interrupted = run.stopped.then((): never => {
    throw new AppError('TEMPER_INTERRUPTED', 'stopped before the work was done');
  });
  return Promise.race([work, interrupted]);
}

/** Throws when the run was asked to stop: call it between steps of long work. */
export function throwIfStopped(run: Pick<Run, 'signal'>): void {
  if (run.signal.aborted) throw new AppError('TEMPER_INTERRUPTED', 'stopped before the work was done');
}
