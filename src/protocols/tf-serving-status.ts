/** TensorFlow Serving's REST model status, metadata and error bodies. Source: api_rest.md, http_rest_api_util.cc. */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { parseLenientJson, type JsonValue } from './lenient-json.ts';
import { isArray, isObject } from './tensor.ts';
import type { TensorInfo, TensorInfos } from './tf-serving.ts';

export const VERSION_STATES = ['UNKNOWN', 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'] as const;
export type VersionState = (typeof VERSION_STATES)[number];

export interface VersionStatus {
  readonly version: string;
  /** One of VERSION_STATES from a server that keeps to the protocol. */
  readonly state: string;
  /** `OK`, or the gRPC code why the version is not served. */
  readonly errorCode: string;
  readonly errorMessage: string;
}

export interface ModelMetadata {
  readonly name: string;
  readonly version: string;
  readonly signatures: Readonly<Record<string, Signature>>;
}

export interface Signature {
  readonly inputs: TensorInfos;
  readonly outputs: TensorInfos;
  readonly methodName: string;
}

export function encodeModelStatus(versions: readonly VersionStatus[]): string {
  const statuses = versions.map(({ version, state, errorCode, errorMessage }) => ({
    version,
    state,
    status: { error_code: errorCode, error_message: errorMessage },
  }));
  return pretty({ model_version_status: statuses });
}

export function parseModelStatus(body: string | Uint8Array): Decoded<readonly VersionStatus[]> {
  const document = parseLenientJson(body);
  if (!document.ok) return document;
  const statuses = isObject(document.value) ? document.value.model_version_status : undefined;
  if (!isArray(statuses))
    return undecodable({
      where: 'model_version_status',
      expected: 'a list of versions',
      got: printed(document.value),
    });
  const versions: VersionStatus[] = [];
  for (const [i, status] of statuses.entries()) {
    const version = versionStatus(status);
    if (version === undefined)
      return undecodable({
        where: `model_version_status[${i}]`,
        expected: 'an object with version and state',
        got: printed(status),
      });
    versions.push(version);
  }
  return decoded(versions);
}

function versionStatus(entry: JsonValue): VersionStatus | undefined {
  if (!isObject(entry)) return undefined;
  const { version, state, status } = entry;
  if ((typeof version !== 'string' && typeof version !== 'number') || typeof state !== 'string')
    return undefined;
  const details = isObject(status) ? status : {};
  return {
    version: `${version}`,
    state,
    errorCode: typeof details.error_code === 'string' ? details.error_code : 'OK',
    errorMessage: typeof details.error_message === 'string' ? details.error_message : '',
  };
}

/** The body of a metadata answer; tensor names get the `:0` that TensorFlow gives an operation's first output. */
export function encodeModelMetadata(metadata: ModelMetadata): string {
  const signatures = Object.entries(metadata.signatures).map(([name, signature]) => [
    name,
    {
      inputs: tensorInfosJson(signature.inputs),
      outputs: tensorInfosJson(signature.outputs),
      method_name: signature.methodName,
      defaults: {},
    },
  ]);
  return pretty({
    model_spec: { name: metadata.name, signature_name: '', version: metadata.version },
    metadata: { signature_def: { signature_def: Object.fromEntries(signatures) as object } },
  });
}

function tensorInfosJson(tensors: TensorInfos): object {
  const entries = Object.entries(tensors).map(([name, { dtype, shape }]) => [
    name,
    {
      dtype,
      tensor_shape: {
        dim: (shape ?? []).map((side) => ({ size: `${side}`, name: '' })),
        unknown_rank: shape === undefined,
      },
      name: `${name}:0`,
    },
  ]);
  return Object.fromEntries(entries) as object;
}

export function parseModelMetadata(body: string | Uint8Array): Decoded<ModelMetadata> {
  const document = parseLenientJson(body);
  if (!document.ok) return document;
  const spec = member(document.value, 'model_spec');
  const signatures = member(document.value, 'metadata', 'signature_def', 'signature_def');
  if (!isObject(spec) || !isObject(signatures))
    return undecodable({
      where: 'body',
      expected: 'an object with model_spec and metadata.signature_def',
      got: printed(document.value),
    });
  const { name, version } = spec;
  return decoded({
    name: typeof name === 'string' ? name : '',
    version: typeof version === 'string' || typeof version === 'number' ? `${version}` : '',
    signatures: Object.fromEntries(
      Object.entries(signatures).map(([key, value]) => [key, signatureOf(value)]),
    ),
  });
}

function signatureOf(value: JsonValue): Signature {
  const method = member(value, 'method_name');
  return {
    inputs: tensorInfosOf(member(value, 'inputs')),
    outputs: tensorInfosOf(member(value, 'outputs')),
    methodName: typeof method === 'string' ? method : '',
  };
}

function tensorInfosOf(value: JsonValue | undefined): TensorInfos {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, info]) => [name, tensorInfoOf(info)]));
}

function tensorInfoOf(info: JsonValue): TensorInfo {
  const dtype = member(info, 'dtype');
  const dims = member(info, 'tensor_shape', 'dim');
  const unknownRank = member(info, 'tensor_shape', 'unknown_rank') === true;
  const sides = isArray(dims) ? dims.map((dim) => Number(member(dim, 'size') ?? -1)) : [];
  return { dtype: typeof dtype === 'string' ? dtype : '', shape: unknownRank ? undefined : sides };
}

export function encodeError(message: string): string {
  return pretty({ error: message });
}

const ERROR_CHARACTERS = 500;

/**
 * The sentence in an error body, whoever wrote it: `{"error"}` (TensorFlow Serving, KServe, Triton), `{"detail": […]}`
 * (FastAPI) or plain text (MLServer, proxies). Never empty, at most 500 characters.
 */
export function parseErrorBody(body: string | Uint8Array): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  const document = parseLenientJson(text);
  const found = document.ok ? errorOf(document.value) : undefined;
  const sentence = (found ?? text).trim();
  return sentence === '' ? 'an empty body' : sentence.slice(0, ERROR_CHARACTERS);
}

function errorOf(document: JsonValue): string | undefined {
  const found = member(document, 'error') ?? member(document, 'detail');
  if (found === undefined) return undefined;
  return typeof found === 'string' ? found : JSON.stringify(found);
}

function member(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let inner = value;
  for (const key of path) {
    if (!isObject(inner) || !Object.hasOwn(inner, key)) return undefined;
    inner = inner[key];
  }
  return inner;
}

function pretty(value: object): string {
  return JSON.stringify(value, undefined, 1);
}
