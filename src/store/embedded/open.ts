import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../domain/errors.ts';
import type { Endpoint } from '../endpoint.ts';
import { answers, readStoreFile } from './store-file.ts';

export interface OpenStoreOptions {
  readonly directory: string;
  readonly idleSeconds: number;
  readonly timeoutMs?: number;
}

/**
 * Finds the store process of a folder, or starts one: detached, in a process group of its own, so that it outlives
 * whoever happened to start it and ends when nobody asks it anything any more.
 *
 * @throws {AppError} TEMPER_STORE_EMBEDDED with the end of its log
 */
export async function openStoreProcess(options: OpenStoreOptions): Promise<Endpoint> {
  const directory = resolve(options.directory);
  const running = await findStore(directory);
  if (running !== undefined) return running;
  await mkdir(directory, { recursive: true });
  const logPath = join(directory, 'store.log');
  start(directory, options.idleSeconds, logPath);
  const deadline = performance.now() + (options.timeoutMs ?? 60_000);
  while (performance.now() < deadline) {
    await sleep(50);
    const found = await findStore(directory);
    if (found !== undefined) return found;
  }
  const log = await readFile(logPath, 'utf8').catch(() => '');
  const last = log.trim().split('\n').slice(-3).join(' | ');
  throw new AppError(
    'TEMPER_STORE_EMBEDDED',
    `the embedded store in ${directory} did not start; its log ends: ${last}`,
  );
}

async function findStore(directory: string): Promise<Endpoint | undefined> {
  const file = await readStoreFile(directory);
  if (file === undefined) return undefined;
  const endpoint = { url: file.url, username: file.username, password: file.password };
  return (await answers(endpoint)) ? endpoint : undefined;
}

function start(directory: string, idleSeconds: number, logPath: string): void {
  const entry = compiledEntry();
  const log = openSync(logPath, 'a', 0o600);
  const child = spawn(process.execPath, [entry, directory, String(idleSeconds)], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
}

/** A test runner that transforms in memory runs from sources; processes run what was compiled from them. */
function compiledEntry(): string {
  const here = __dirname.endsWith(join('dist', 'src', 'store', 'embedded'))
    ? __dirname
    : __dirname.replace(/src([/\\])store/, 'dist$1src$1store');
  return join(here, 'main.js');
}
