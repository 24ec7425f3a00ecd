/** HTTP to a model server over connections that are kept, with TLS of both sides and a bearer token where they are wanted. */
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { AppError } from '../domain/errors.ts';
import type { ServedConfig, TlsConfig } from './config.ts';
import { malformedAnswer, refusalOf, unreachable } from './served-errors.ts';

export interface HttpQuestion {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly body: Buffer;
  /** Value of a header; the first, where there are several. */
  header(name: string): string | undefined;
}

export interface HttpConnection {
  /** @throws {AppError} TEMPER_TARGET_UNREACHABLE | TEMPER_TARGET_REJECTED | TEMPER_TARGET_MALFORMED (too large) */
  ask(question: HttpQuestion): Promise<HttpAnswer>;
  /** Closes the connections that are kept. */
  close(): void;
}

/** An answer larger than this is not a prediction. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Below the five seconds after which many servers close an idle connection, perhaps under a request. */
const IDLE_MS = 4_000;

type ConnectionConfig = Pick<ServedConfig, 'url' | 'timeoutMs' | 'headers' | 'bearerToken' | 'tls'>;

export function createHttpConnection(config: ConnectionConfig): HttpConnection {
  const isTls = config.url.startsWith('https:');
  const settings = { keepAlive: true, timeout: IDLE_MS };
  const agent = isTls ? new TlsAgent({ ...settings, ...readTls(config.tls) }) : new Agent(settings);
  const fixed = { ...config.headers, ...authorization(config) };
  return {
    async ask(question) {
      const timeout = AbortSignal.timeout(config.timeoutMs);
      const signal = question.signal === undefined ? timeout : AbortSignal.any([question.signal, timeout]);
      try {
        return await answerOf(await send({ ...question, signal }, { agent, isTls, fixed }), question.url);
      } catch (caught) {
        // An aborted request says only that it was aborted.
        throw caught instanceof AppError
          ? caught
          : unreachable(question.url, timeout.aborted ? timeout.reason : caught, config.timeoutMs);
      }
    },
    close: () => agent.destroy(),
  };
}

/** The files of a TLS section, as both HTTP and gRPC take them. */
export function readTls({ ca, certificate, key }: TlsConfig): {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
} {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(certificate === undefined ? {} : { cert: readFileSync(certificate) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  };
}

export function authorization({ bearerToken }: Pick<ServedConfig, 'bearerToken'>): Record<string, string> {
  return bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` };
}

interface Way {
  readonly agent: Agent | TlsAgent;
  readonly isTls: boolean;
  readonly fixed: Readonly<Record<string, string>>;
}

function send(question: HttpQuestion, { agent, isTls, fixed }: Way): Promise<IncomingMessage> {
  const { method, url, body, headers, signal } = question;
  const length = body === undefined ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
  return new Promise((resolve, reject) => {
    const request = (isTls ? httpsRequest : httpRequest)(url, {
      method,
      agent,
      signal,
      headers: { ...fixed, ...headers, ...length },
    });
    request.once('response', resolve);
    request.once('error', reject);
    request.end(body);
  });
}

async function answerOf(response: IncomingMessage, url: string): Promise<HttpAnswer> {
  const body = await readBounded(response, url);
  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const status = response.statusCode!;
  if (status >= 200 && status < 300) return { body, header };
  const seconds = Number(header('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  throw refusalOf({ url, status, shown: `HTTP ${status}`, body, retryAfterMs });
}

async function readBounded(response: IncomingMessage, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES)
      throw malformedAnswer(url, `expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
