/** gRPC to a model server over one channel that is kept alive. Messages are bytes: what they mean is the protocol's business. */
import {
  Client,
  connectivityState,
  credentials,
  Metadata,
  status as codes,
  type ChannelCredentials,
  type ServiceError,
} from '@grpc/grpc-js';
import { OIP_SERVICE } from '../protocols/oip-grpc.ts';
import type { ServedConfig } from './config.ts';
import { refusalOf, unreachable } from './served-errors.ts';
import { authorization, readTls } from './served-http.ts';

export interface GrpcCall {
  readonly method: string;
  readonly request: Uint8Array;
  /** For messages. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface GrpcConnection {
  /** @throws {AppError} TEMPER_TARGET_UNREACHABLE | TEMPER_TARGET_REJECTED */
  call(call: GrpcCall): Promise<Uint8Array>;
  close(): void;
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** Half-open connections hang for ever without it. */
const KEEP_ALIVE_MS = 30_000;

type ConnectionConfig = Pick<ServedConfig, 'url' | 'timeoutMs' | 'headers' | 'bearerToken' | 'tls'>;

export function createGrpcConnection(config: ConnectionConfig): GrpcConnection {
  const { host } = new URL(config.url);
  let client: Client | undefined;
  const open = (): Client =>
    (client ??= new Client(host, credentialsOf(config), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
      'grpc.enable_channelz': 0,
    }));
  return {
    async call(call) {
      const deadline = Date.now() + config.timeoutMs;
      const channel = open();
      await connected(channel, { ...call, deadline, timeoutMs: config.timeoutMs });
      const metadata = metadataOf({ ...config.headers, ...authorization(config), ...call.metadata });
      return unary(channel, { ...call, deadline, metadata, timeoutMs: config.timeoutMs });
    },
    close() {
      client?.close();
      client = undefined;
    },
  };
}

function credentialsOf({ url, tls }: ConnectionConfig): ChannelCredentials {
  if (!url.startsWith('https:')) return credentials.createInsecure();
  const { ca = null, cert = null, key = null } = readTls(tls);
  return credentials.createSsl(ca, key, cert);
}

function metadataOf(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

interface TimedCall extends Omit<GrpcCall, 'metadata'> {
  readonly deadline: number;
  readonly timeoutMs: number;
}

/**
 * Waits until there is a connection. When there is none, nothing was sent, so asking again is safe: the only failure of
 * which that is known.
 */
async function connected(client: Client, { url, deadline, timeoutMs }: TimedCall): Promise<void> {
  const channel = client.getChannel();
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return;
    const isRefused = state === connectivityState.TRANSIENT_FAILURE;
    const change = (): Promise<Error | undefined> =>
      new Promise((resolve) => channel.watchConnectivityState(state, deadline, resolve));
    if (isRefused)
      throw unreachable(
        url,
        Object.assign(new Error('no connection could be made'), { code: 'ECONNREFUSED' }),
        timeoutMs,
      );
    if ((await change()) !== undefined)
      throw unreachable(url, Object.assign(new Error('no connection'), { name: 'TimeoutError' }), timeoutMs);
  }
}

function unary(client: Client, call: TimedCall & { readonly metadata: Metadata }): Promise<Uint8Array> {
  const { method, request, url, deadline, signal, metadata, timeoutMs } = call;
  return new Promise((resolve, reject) => {
    const pending = client.makeUnaryRequest(
      `/${OIP_SERVICE}/${method}`,
      (message: Uint8Array) => Buffer.from(message),
      (bytes: Buffer) => new Uint8Array(bytes),
      request,
      metadata,
      { deadline },
      (error, answer) => {
        signal?.removeEventListener('abort', abandon);
        if (error === null) resolve(answer!);
        else reject(failureOf(error, url, timeoutMs));
      },
    );
    function abandon(): void {
      pending.cancel();
    }
    signal?.addEventListener('abort', abandon, { once: true });
    if (signal?.aborted === true) abandon();
  });
}

/** HTTP statuses that mean the same to whoever asks. A connection that breaks is 502: whether it was asked, nobody knows. */
const STATUSES: Readonly<Partial<Record<codes, number>>> = {
  [codes.INVALID_ARGUMENT]: 400,
  [codes.FAILED_PRECONDITION]: 400,
  [codes.OUT_OF_RANGE]: 400,
  [codes.UNAUTHENTICATED]: 401,
  [codes.PERMISSION_DENIED]: 403,
  [codes.NOT_FOUND]: 404,
  [codes.UNIMPLEMENTED]: 404,
  [codes.RESOURCE_EXHAUSTED]: 429,
  [codes.UNAVAILABLE]: 502,
  [codes.DEADLINE_EXCEEDED]: 504,
};

function failureOf(error: ServiceError, url: string, timeoutMs: number): Error {
  if (error.code === codes.DEADLINE_EXCEEDED)
    return unreachable(url, Object.assign(new Error(error.details), { name: 'TimeoutError' }), timeoutMs);
  return refusalOf({
    url,
    status: STATUSES[error.code] ?? 500,
    shown: `gRPC ${codes[error.code]}`,
    body: error.details,
  });
}
