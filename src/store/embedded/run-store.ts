import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { AppError, toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Endpoint } from '../endpoint.ts';
import type { EmbeddedEngine } from './engine.ts';
import { createEmbeddedHttp } from './http.ts';
import { removeStoreFile, writeStoreFile } from './store-file.ts';

export interface StoreProcessOptions {
  readonly directory: string;
  /** Ends after so many seconds without a request; Infinity: never. */
  readonly idleSeconds: number;
  readonly logger: Logger;
  /** Called when it has been idle for long enough; the caller stops it and ends the process. */
  readonly onIdle: () => void;
}

const USERNAME = 'temper';
/** A longer delay would overflow and fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Holds the embedded engine and serves it on loopback under a random password. Where two are started for one folder, the
 * engine's own lock lets one live.
 *
 * @throws {AppError} TEMPER_STORE_EMBEDDED when the folder is held by another process or the engine is not installed
 */
export async function runStoreProcess(options: StoreProcessOptions): Promise<Running<Endpoint>> {
  const directory = resolve(options.directory);
  const engine = await open(directory);
  const password = randomBytes(24).toString('base64url');
  const idle = createIdleTimer(options);
  const server = createEmbeddedHttp({ engine, username: USERNAME, password, onActivity: idle.onActivity });
  await new Promise<void>((ready, failed) => server.once('error', failed).listen(0, '127.0.0.1', ready));
  const endpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    username: USERNAME,
    password,
  };
  const startedAtMs = Math.round(performance.timeOrigin);
  await writeStoreFile(directory, { pid: process.pid, startedAtMs, ...endpoint });
  options.logger.info({ directory, url: endpoint.url }, 'store_ready');
  return {
    value: endpoint,
    async stop() {
      idle.stop();
      await removeStoreFile(directory, process.pid);
      await closeServer(server);
      await engine.close();
    },
  };
}

/** Answers what was asked. A connection is closed when its answer is sent, not when its client lets go of it. */
async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  await new Promise<void>((closed) => server.close(() => closed()));
  clearInterval(sweep);
}

async function open(directory: string): Promise<EmbeddedEngine> {
  try {
    await mkdir(directory, { recursive: true });
    // Here, and not with the file: the package is optional, and its absence is a finding, not a crash.
    const { openEngine } = await import('./engine.ts');
    return openEngine(directory);
  } catch (caught) {
    const holder = await holderOf(directory);
    const reason =
      holder === undefined ? toError(caught).message.slice(0, 300) : `process ${holder} holds ${directory}`;
    // Whoever holds it may be about to end: another try may succeed.
    throw new AppError('TEMPER_STORE_EMBEDDED', `the embedded store cannot be opened: ${reason}`, {
      cause: caught,
      retryable: holder !== undefined,
    });
  }
}

/** The living process that locked the folder. The engine prints why it cannot open one, but does not tell its caller. */
async function holderOf(directory: string): Promise<number | undefined> {
  const status = await readFile(join(directory, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d+)/m.exec(status)?.[1] ?? process.pid);
  return pid !== process.pid && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (caught) {
    return (caught as NodeJS.ErrnoException).code === 'EPERM'; // it is there, and somebody else's
  }
}

function createIdleTimer(options: StoreProcessOptions): {
  onActivity: (active: number) => void;
  stop: () => void;
} {
  const delayMs = 1000 * options.idleSeconds;
  let timer: NodeJS.Timeout | undefined;
  const onActivity = (active: number): void => {
    clearTimeout(timer);
    if (active === 0 && delayMs <= LONGEST_TIMER_MS) timer = setTimeout(options.onIdle, delayMs);
  };
  onActivity(0);
  return { onActivity, stop: () => clearTimeout(timer) };
}
