/** The Open Inference Protocol's REST routes: health, metadata, configuration and infer. */
import {
  encodeOipAnswer,
  OIP_BINARY_TYPE,
  OIP_HEADER_LENGTH,
  parseOipRequest,
  type OipBody,
} from '../protocols/oip.ts';
import {
  failed,
  infer,
  metadataOf,
  OIP_SERVER,
  withLease,
  type OipResult,
  type ServedModelVersions,
  type WantedModel,
} from './oip-infer.ts';
import type { ModelRequest } from './routes.ts';

export interface OipReply {
  readonly status: number;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/(\d+))?(?:\/(ready|config|infer))?$/;

/** The reply to a request; undefined for a path outside /v2. */
export async function replyToOip(
  request: ModelRequest & { readonly headerLength?: number },
  served: ServedModelVersions,
): Promise<OipReply | undefined> {
  const { method, path } = request;
  if (!/^\/v2(\/|$)/.test(path)) return undefined;
  const isGet = method === 'GET';
  if (isGet && /^\/v2\/?$/.test(path)) return jsonReply(200, OIP_SERVER);
  if (isGet && path === '/v2/health/live') return EMPTY;
  if (isGet && path === '/v2/health/ready') {
    const isReady = served.versions.statuses().some(({ state }) => state === 'AVAILABLE');
    return isReady ? EMPTY : errorReply(400, 'Server not ready');
  }
  const [, encoded, version, what] = MODEL.exec(path) ?? [];
  if (encoded === undefined || isGet === (what === 'infer')) return errorReply(404, 'Not Found');
  const wanted = { name: decoded(encoded), version };
  if (what === 'infer') return replyToInfer(request, wanted, served);
  if (what === 'ready') {
    const found = await withLease(wanted, served, () => ({ ok: true, value: undefined }));
    return found.ok ? EMPTY : errorReply(400, 'Model version not ready');
  }
  const found = await withLease(wanted, served, (lease) => ({
    ok: true,
    // No batch limit: the server takes what fits into a body.
    value: what === 'config' ? { name: wanted.name, max_batch_size: 0 } : metadataOf(wanted.name, lease),
  }));
  return found.ok ? jsonReply(200, found.value) : errorReply(found.failure.status, found.failure.message);
}

async function replyToInfer(
  { body, headerLength }: ModelRequest & { readonly headerLength?: number },
  wanted: WantedModel,
  served: ServedModelVersions,
): Promise<OipReply> {
  const found = await withLease(wanted, served, async (lease): Promise<OipResult<OipBody>> => {
    const request = parseOipRequest(body, headerLength);
    if (!request.ok) return failed(500, request.problem.message);
    const answer = await infer(request.value, wanted.name, lease);
    return answer.ok
      ? { ok: true, value: encodeOipAnswer(answer.value, request.value.binaryOutputs) }
      : answer;
  });
  if (!found.ok) return errorReply(found.failure.status, found.failure.message);
  const { bytes, headerLength: length } = found.value;
  if (length === undefined) return { status: 200, body: bytes, headers: JSON_HEADERS };
  return {
    status: 200,
    body: bytes,
    headers: { 'content-type': OIP_BINARY_TYPE, [OIP_HEADER_LENGTH]: `${length}` },
  };
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const EMPTY: OipReply = { status: 200, body: new Uint8Array(), headers: { 'content-type': 'text/plain' } };

function jsonReply(status: number, value: object): OipReply {
  return { status, body: Buffer.from(JSON.stringify(value)), headers: JSON_HEADERS };
}

function errorReply(status: number, error: string): OipReply {
  return jsonReply(status, { error });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
