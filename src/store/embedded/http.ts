import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { toError } from '../../domain/errors.ts';
import { sha256 } from '../../domain/hashing.ts';
import type { EmbeddedEngine } from './engine.ts';
import { statementOf } from './statement.ts';
import { basicAuthorization } from './store-file.ts';

export interface EmbeddedHttpOptions {
  readonly engine: EmbeddedEngine;
  readonly username: string;
  readonly password: string;
  /** Called at the start and at the end of each request. */
  readonly onActivity: (active: number) => void;
}

const MAX_BODY_BYTES = 256 * 2 ** 20;

/** The part of ClickHouse's HTTP interface that the official client uses: ping, query, insert, exceptions. */
export function createEmbeddedHttp(options: EmbeddedHttpOptions): Server {
  let active = 0;
  // A ClickHouse server takes addresses of 1 MiB; Node's default of 16 KiB would refuse statements with long lists.
  const server = createServer({ maxHeaderSize: 2 ** 20 }, (request, response) => {
    options.onActivity(++active);
    response.once('close', () => options.onActivity(--active));
    // Never rejects: every failure is answered.
    void answer(options, request, response);
  });
  server.keepAliveTimeout = 3000;
  return server;
}

async function answer(
  options: EmbeddedHttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/ping') {
      response.end('Ok.\n');
      return;
    }
    if (!isAuthorized(request, options)) {
      refuse(response, {
        status: 401,
        code: 516,
        text: 'Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)',
      });
      request.resume();
      return;
    }
    const body = await readBody(request);
    const result = await options.engine.run(statementOf(url.searchParams, body));
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(result);
  } catch (caught) {
    const text = toError(caught).message;
    const code = Number(/Code: (\d+)/.exec(text)?.[1] ?? 1002);
    refuse(response, {
      status: code === 1002 ? 500 : 400,
      code,
      text: /^Code: /.test(text) ? text : `Code: 1002. DB::Exception: ${text} (UNKNOWN_EXCEPTION)`,
    });
  }
}

function refuse(
  response: ServerResponse,
  { status, code, text }: { status: number; code: number; text: string },
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response
    .writeHead(status, { 'x-clickhouse-exception-code': String(code), 'content-type': 'text/plain' })
    .end(text);
}

function isAuthorized({ headers }: IncomingMessage, { username, password }: EmbeddedHttpOptions): boolean {
  const expected = Buffer.from(sha256(basicAuthorization({ username, password })));
  return timingSafeEqual(expected, Buffer.from(sha256(headers.authorization ?? '')));
}

/** The whole body: a client that goes away in the middle of its rows has written none of them. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      request.resume();
      throw new Error(`expected a request body of at most ${MAX_BODY_BYTES} bytes, got more`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
