/** The reference model server of one model of the registry: TensorFlow Serving's REST routes and the Open Inference Protocol's, over gRPC too. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { systemClock } from '../domain/clock.ts';
import { createReleaseStack, type Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import { createRegistry } from '../models/registry.ts';
import { VERSION_HEADER } from '../models/wires/answers.ts';
import { OIP_HEADER_LENGTH } from '../protocols/oip.ts';
import { encodeError, type VersionStatus } from '../protocols/tf-serving-status.ts';
import type { ServingConfig } from './config.ts';
import { startGrpcServer } from './oip-grpc-server.ts';
import { replyToOip } from './oip-routes.ts';
import { reply } from './routes.ts';
import type { CreateScorer } from './scorer.ts';
import { startVersions, type ServedVersions } from './versions.ts';

export interface ModelServerOptions {
  readonly registryDirectory: string;
  readonly model: string;
  readonly config: ServingConfig;
  readonly logger: Logger;
  /** How a version becomes something that answers: `engineScorers(engine)`. */
  readonly createScorer: CreateScorer;
}

export interface ModelServer {
  /** Base URL, e.g. http://127.0.0.1:8501. */
  readonly url: string;
  readonly port: number;
  /** Port of the Open Inference Protocol over gRPC, if it is served. */
  readonly grpcPort?: number;
  /** Newest first. */
  statuses(): VersionStatus[];
}

/** How long stop() waits for requests in flight before it cuts their connections. */
const STOP_DEADLINE_MS = 5_000;
/** Longer than clients keep idle connections, so that none is closed under a request. */
const KEEP_ALIVE_MS = 65_000;

/**
 * Starts the server. When it returns, it listens, and the registry's current version is loaded if there is one; until
 * there is, it answers 404 as the real server does, and it takes up the first version when that is published.
 */
export async function createModelServer(options: ModelServerOptions): Promise<Running<ModelServer>> {
  const { config, model } = options;
  const logger = options.logger.child({ module: 'serving' });
  const registry = createRegistry({ directory: options.registryDirectory, clock: systemClock, logger });
  const stack = createReleaseStack();
  try {
    const { createScorer } = options;
    const { pollMs } = config;
    const versions = stack.adopt(
      'versions',
      await startVersions({ registry, model, createScorer, pollMs, logger }),
    );
    const server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS },
      createApp({ config, model, versions, logger }),
    );
    const busy = trackBusy(server);
    server.listen(config.port, config.host);
    await once(server, 'listening');
    stack.defer('http', () => closeServer(server, busy));
    const { port } = server.address() as AddressInfo;
    const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
    const grpcPort =
      config.grpcPort === undefined
        ? undefined
        : stack.adopt(
            'grpc',
            await startGrpcServer({ ...config, port: config.grpcPort, model, versions, logger }),
          );
    logger.info({ url, grpcPort, model }, 'model_server_listening');
    return {
      value: {
        url,
        port,
        ...(grpcPort === undefined ? {} : { grpcPort }),
        statuses: () => versions.statuses(),
      },
      stop: () => stack.release(),
    };
  } catch (caught) {
    await stack.release();
    throw caught;
  }
}

interface AppParts {
  readonly config: ServingConfig;
  readonly model: string;
  readonly versions: ServedVersions;
  readonly logger: Logger;
}

function createApp({ config, model, versions, logger }: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(boundInFlight(config.maxInFlight));
  // Like the real server, any content type is read as JSON.
  app.use(express.raw({ type: () => true, limit: config.maxBodyBytes }));
  app.use(async (request, response) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const { method, path } = request;
    const length = request.get(OIP_HEADER_LENGTH);
    const oip = await replyToOip(
      { method, path, body, ...(length === undefined ? {} : { headerLength: Number(length) }) },
      { model, versions },
    );
    if (oip !== undefined) {
      response.writeHead(oip.status, { ...oip.headers, 'content-length': oip.body.byteLength }).end(oip.body);
      return;
    }
    const answer = await reply({ method, path, body }, model, versions);
    if (answer === undefined) {
      response.status(404).end();
      return;
    }
    if (answer.version !== undefined) response.setHeader(VERSION_HEADER, answer.version);
    send(response, answer.status, answer.status < 400 ? answer.text : encodeError(answer.text));
  });
  app.use(onError(config, logger));
  return app;
}

function boundInFlight(limit: number): RequestHandler {
  let inFlight = 0;
  return (_, response, next) => {
    if (inFlight >= limit) {
      response.setHeader('Retry-After', '1');
      send(response, 503, encodeError(`The server holds ${limit} requests already; try again.`));
      return;
    }
    inFlight += 1;
    response.once('close', () => (inFlight -= 1));
    next();
  };
}

/** A body that could not be read, or a fault of ours: an error in the server's form either way. */
function onError({ maxBodyBytes }: ServingConfig, logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    // Too late for an answer: express cuts the connection.
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, type } = error as { status?: unknown; type?: unknown };
    if (type === 'entity.too.large') {
      send(response, 413, encodeError(`The request body is larger than ${maxBodyBytes} bytes.`));
    } else if (typeof status === 'number' && status >= 400 && status < 500) {
      send(response, status, encodeError(`The request body cannot be read: ${String(type ?? error)}`));
    } else {
      logger.error({ err: error, path: request.path }, 'request_failed');
      send(response, 500, encodeError('Internal error; see the log of the server.'));
    }
  };
}

function send(response: Response, status: number, body: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}

/** Stops listening, waits for the requests that are being answered, then cuts every connection. */
async function closeServer(server: Server, busy: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort();
  }, STOP_DEADLINE_MS);
  // An answer that is abandoned at the deadline is the client's loss, and no error of stopping.
  const answered = [...busy].map((response) => once(response, 'close', { signal: deadline.signal }));
  await Promise.allSettled(answered);
  clearTimeout(timer);
  server.closeAllConnections();
  await closed;
}

/** The answers that a server owes at the moment. */
function trackBusy(server: Server): ReadonlySet<ServerResponse> {
  const busy = new Set<ServerResponse>();
  server.on('request', (_, response) => {
    busy.add(response);
    response.once('close', () => busy.delete(response));
  });
  return busy;
}
