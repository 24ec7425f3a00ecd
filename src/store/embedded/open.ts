import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toError } from '../../domain/errors.ts';
import type { Endpoint } from '../endpoint.ts';
import { EXIT_HELD } from './exit-codes.ts';
import { answers, readStoreFile } from './store-file.ts';

export interface OpenStoreOptions {
  readonly directory: string;
  readonly idleSeconds: number;
  readonly timeoutMs?: number;
}

const LOOK_EVERY_MS = 50;
/** A folder that was held is tried again: its holder may have been about to end. */
const HELD_PAUSE_MS = 500;

/**
 * Finds the store process of a folder, or starts one: detached, in a process group of its own, so that it outlives
 * whoever happened to start it and ends when nobody asks it anything any more. Where several start one, the engine's lock
 * lets one live and the others find it.
 *
 * @throws {AppError} TEMPER_STORE_EMBEDDED with the end of its log
 */
export async function openStoreProcess(options: OpenStoreOptions): Promise<Endpoint> {
  const directory = resolve(options.directory);
  const running = await findStore(directory);
  if (running !== undefined) return running;
  await makeFolder(directory);
  const deadline = performance.now() + (options.timeoutMs ?? 60_000);
  let failures = 0;
  while (performance.now() < deadline) {
    const child = start(directory, options.idleSeconds);
    const found = await findWhile(directory, () => !child.hasEnded() && performance.now() < deadline);
    if (found !== undefined) return found;
    // Twice, because a holder that ended at that very moment looks like no holder.
    if (child.hasEnded() && !child.wasHeld() && ++failures === 2) break;
    await sleep(HELD_PAUSE_MS);
  }
  throw await failure(directory);
}

async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (caught) {
    throw new AppError(
      'TEMPER_STORE_EMBEDDED',
      `expected a folder for the embedded store, or room for one, at ${directory}: ${toError(caught).message}`,
      { cause: caught },
    );
  }
}

/** Looks for the store as long as it may still come, and once more after that. */
async function findWhile(directory: string, mayCome: () => boolean): Promise<Endpoint | undefined> {
  for (;;) {
    const isLast = !mayCome();
    const found = await findStore(directory);
    if (found !== undefined || isLast) return found;
    await sleep(LOOK_EVERY_MS);
  }
}

async function findStore(directory: string): Promise<Endpoint | undefined> {
  const file = await readStoreFile(directory);
  if (file === undefined) return undefined;
  const endpoint = { url: file.url, username: file.username, password: file.password };
  return (await answers(endpoint)) ? endpoint : undefined;
}

interface Started {
  hasEnded(): boolean;
  wasHeld(): boolean;
}

function start(directory: string, idleSeconds: number): Started {
  const log = openSync(logOf(directory), 'a', 0o600);
  const child = spawn(process.execPath, [compiledEntry(), directory, String(idleSeconds)], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let hasFailed = false;
  child.once('error', () => (hasFailed = true));
  return {
    hasEnded: () => hasFailed || child.exitCode !== null || child.signalCode !== null,
    wasHeld: () => child.exitCode === EXIT_HELD,
  };
}

async function failure(directory: string): Promise<AppError> {
  const log = await readFile(logOf(directory), 'utf8').catch(() => '');
  const last = log.trim().split('\n').slice(-3).join(' | ');
  return new AppError(
    'TEMPER_STORE_EMBEDDED',
    `the embedded store in ${directory} did not start; its log ends: ${last}`,
  );
}

function logOf(directory: string): string {
  return join(directory, 'store.log');
}

/** A test runner that transforms in memory runs from sources; processes run what was compiled from them. */
function compiledEntry(): string {
  const here = __dirname.endsWith(join('dist', 'src', 'store', 'embedded'))
    ? __dirname
    : __dirname.replace(/src([/\\])store/, 'dist$1src$1store');
  return join(here, 'main.js');
}
