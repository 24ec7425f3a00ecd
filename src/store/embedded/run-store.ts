import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { AppError, toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Endpoint } from '../endpoint.ts';
import { openEngine, type EmbeddedEngine } from './engine.ts';
import { createEmbeddedHttp } from './http.ts';
import { removeStoreFile, writeStoreFile } from './store-file.ts';

export interface StoreProcessOptions {
  readonly directory: string;
  /** Ends after so many seconds without a request. */
  readonly idleSeconds: number;
  readonly logger: Logger;
  /** Called when it has been idle for long enough; the caller stops it and ends the process. */
  readonly onIdle: () => void;
}

const USERNAME = 'temper';

/**
 * Holds the embedded engine and serves it on loopback under a random password. Where two are started for one folder, the
 * engine's own lock lets one live.
 *
 * @throws {AppError} TEMPER_STORE_EMBEDDED when the folder is held by another process or the engine is not installed
 */
export async function runStoreProcess(options: StoreProcessOptions): Promise<Running<Endpoint>> {
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true });
  const engine = open(directory);
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
      await new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeIdleConnections();
      });
      engine.close();
    },
  };
}

function open(directory: string): EmbeddedEngine {
  try {
    return openEngine(directory);
  } catch (caught) {
    const { message } = toError(caught);
    const held = /Cannot lock file|OPEN ERR|Code: 76/i.test(message);
    const reason = held ? `another process holds ${directory}` : message.slice(0, 300);
    throw new AppError('TEMPER_STORE_EMBEDDED', `the embedded store cannot be opened: ${reason}`, {
      cause: caught,
    });
  }
}

function createIdleTimer(options: StoreProcessOptions): {
  onActivity: (active: number) => void;
  stop: () => void;
} {
  let timer: NodeJS.Timeout | undefined;
  const onActivity = (active: number): void => {
    clearTimeout(timer);
    if (active === 0) timer = setTimeout(options.onIdle, 1000 * options.idleSeconds);
  };
  onActivity(0);
  return { onActivity, stop: () => clearTimeout(timer) };
}
