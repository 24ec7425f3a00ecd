import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { AppError } from '../domain/errors.ts';
import type { Running } from '../domain/lifecycle.ts';
import { createApp } from './routes.ts';
import type { HttpDeps } from './routes.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly deps: HttpDeps;
  /** How long requests under way may take when the server stops, ms. Default 5,000. */
  readonly stopTimeoutMs?: number;
}

export interface HttpServer {
  /** Where it listens, e.g. http://127.0.0.1:9464 */
  readonly url: string;
  readonly port: number;
  /** Not ready from now on, but still answering: the first step of a shutdown. */
  drain(): void;
}

/**
 * Starts the HTTP server. Its stop drains it, lets requests under way finish until the deadline, then cuts them off.
 *
 * @throws {AppError} TEMPER_CONFIG_INVALID when the address cannot be listened on
 */
export async function createHttpServer(options: HttpServerOptions): Promise<Running<HttpServer>> {
  let draining = false;
  const app = createApp(options.deps, () => draining);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, app);
  server.maxConnections = 256;
  await listen(server, options);
  const { address, family, port } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  let stopped: Promise<void> | undefined;
  const drain = (): void => {
    draining = true;
  };
  return {
    value: { url, port, drain },
    stop() {
      drain();
      stopped ??= close(server, options.stopTimeoutMs ?? 5000);
      return stopped;
    },
  };
}

async function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another process uses it' : (error.code ?? error.message);
      const message = `http: expected to listen on ${host} port ${port}, got: ${why}. Choose another http.port.`;
      reject(new AppError('TEMPER_CONFIG_INVALID', message, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server, timeoutMs: number): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(deadline);
}
