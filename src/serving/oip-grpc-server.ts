/** The Open Inference Protocol over gRPC: the same answers as over REST. */
import {
  Server,
  ServerCredentials,
  status as codes,
  type handleUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type { Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import {
  decodeInferRequest,
  decodeOipMessage,
  encodeInferResponse,
  encodeOipMessage,
  OIP_METHODS,
  OIP_SERVICE,
  type OipMethod,
} from '../protocols/oip-grpc.ts';
import {
  failed,
  infer,
  metadataOf,
  OIP_SERVER,
  withLease,
  type OipFailure,
  type OipResult,
  type ServedModelVersions,
  type WantedModel,
} from './oip-infer.ts';

export interface GrpcServerOptions extends ServedModelVersions {
  readonly host: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  readonly logger: Logger;
}

type Handler = (request: Uint8Array) => Promise<OipResult<Uint8Array>>;

const CODES: Readonly<Record<OipFailure['status'], codes>> = {
  400: codes.INVALID_ARGUMENT,
  404: codes.NOT_FOUND,
  500: codes.INTERNAL,
};

/** @returns the port that it listens on */
export async function startGrpcServer(options: GrpcServerOptions): Promise<Running<number>> {
  const { host, port, maxBodyBytes, logger } = options;
  const server = new Server({
    'grpc.max_receive_message_length': maxBodyBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
  });
  const handlers = handlersOf(options);
  server.addService(
    definition(),
    Object.fromEntries(OIP_METHODS.map((method) => [method, unary(handlers[method], logger)])),
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, found) => {
      if (error === null) resolve(found);
      else reject(error);
    });
  });
  return {
    value: bound,
    async stop() {
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const timer = setTimeout(() => server.forceShutdown(), STOP_DEADLINE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

const STOP_DEADLINE_MS = 5_000;

/** Messages stay bytes: the codec reads and writes them. */
function definition(): ServiceDefinition {
  const entries = OIP_METHODS.map((method) => [
    method,
    {
      path: `/${OIP_SERVICE}/${method}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
      requestDeserialize: (bytes: Buffer) => new Uint8Array(bytes),
      responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
      responseDeserialize: (bytes: Buffer) => new Uint8Array(bytes),
    },
  ]);
  return Object.fromEntries(entries) as ServiceDefinition;
}

function unary(handler: Handler, logger: Logger): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, respond) => {
    handler(call.request).then(
      (result) => {
        if (result.ok) respond(null, result.value);
        else respond({ code: CODES[result.failure.status], details: result.failure.message });
      },
      (caught: unknown) => {
        logger.error({ err: caught, path: call.getPath() }, 'request_failed');
        respond({ code: codes.INTERNAL, details: 'Internal error; see the log of the server.' });
      },
    );
  };
}

function handlersOf(served: ServedModelVersions): Readonly<Record<OipMethod, Handler>> {
  const fixed = (method: OipMethod, message: () => object): Handler => {
    return () => Promise.resolve(answered(method, message()));
  };
  const isReady = (): boolean => served.versions.statuses().some(({ state }) => state === 'AVAILABLE');
  return {
    ServerLive: fixed('ServerLive', () => ({ live: true })),
    ServerReady: fixed('ServerReady', () => ({ ready: isReady() })),
    ServerMetadata: fixed('ServerMetadata', () => OIP_SERVER),
    async ModelReady(request) {
      const found = await withLease(wantedIn('ModelReady', request), served, () => ({
        ok: true,
        value: undefined,
      }));
      return answered('ModelReady', { ready: found.ok });
    },
    ModelMetadata(request) {
      const wanted = wantedIn('ModelMetadata', request);
      return withLease(wanted, served, (lease) => answered('ModelMetadata', metadataOf(wanted.name, lease)));
    },
    ModelConfig(request) {
      const wanted = wantedIn('ModelConfig', request);
      return withLease(wanted, served, () => answered('ModelConfig', { config: { name: wanted.name } }));
    },
    async ModelInfer(bytes) {
      const call = decodeInferRequest(bytes);
      if (!call.ok) return failed(400, call.problem.message);
      const { modelName: name, modelVersion: version, request } = call.value;
      return withLease({ name, version }, served, async (lease): Promise<OipResult<Uint8Array>> => {
        const answer = await infer(request, name, lease);
        return answer.ok ? { ok: true, value: encodeInferResponse(answer.value) } : answer;
      });
    },
  };
}

function answered(method: OipMethod, message: object): OipResult<Uint8Array> {
  return { ok: true, value: encodeOipMessage(`${method}Response`, message) };
}

function wantedIn(method: OipMethod, bytes: Uint8Array): WantedModel {
  const message = decodeOipMessage(`${method}Request`, bytes);
  const { name, version } = message.ok ? message.value : {};
  return {
    name: typeof name === 'string' ? name : '',
    version: typeof version === 'string' && version !== '' ? version : undefined,
  };
}
