/** TensorFlow Serving's routes, matched as it matches them: by two expressions over the whole path, in any case. */
import { encodeModelMetadata, encodeModelStatus } from '../protocols/tf-serving-status.ts';
import { notServable, predict, SIGNATURE_NAME, signatureOf, type Reply } from './predict.ts';
import type { ServedVersions } from './versions.ts';

export interface ModelRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: Uint8Array;
}

const PREDICTION =
  /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?:(classify|regress|predict)$/i;
const STATUS = /^\/v1\/models(?:\/([^/:]+))?(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(\/metadata)?$/i;

/** The reply to a request; undefined for a path outside /v1/. */
export async function reply(
  request: ModelRequest,
  model: string,
  versions: ServedVersions,
): Promise<Reply | undefined> {
  const { method, path } = request;
  if (!/^\/v1\//i.test(path)) return undefined;
  const prediction = method === 'POST' ? PREDICTION.exec(path) : null;
  if (prediction !== null) return replyToPrediction(prediction, request, { model, versions });
  const status = method === 'GET' ? STATUS.exec(path) : null;
  if (status !== null) return replyToStatus(status, { model, versions });
  return { status: 400, text: `Malformed request: ${method} ${path}` };
}

interface Served {
  readonly model: string;
  readonly versions: ServedVersions;
}

async function replyToPrediction(
  [, encodedName = '', version, label, verb = '']: RegExpExecArray,
  { body }: ModelRequest,
  { model, versions }: Served,
): Promise<Reply> {
  const name = decodeName(encodedName);
  if (label !== undefined) return unknownLabel(label);
  const lease = name === model ? versions.lease(normalised(version)) : undefined;
  if (lease === undefined) return notServable(body, name, version);
  try {
    if (verb.toLowerCase() !== 'predict') return otherMethod(verb.toLowerCase());
    return await predict(body, lease);
  } finally {
    lease.release();
  }
}

function replyToStatus(
  [, encodedName, version, label, metadata]: RegExpExecArray,
  { model, versions }: Served,
): Reply {
  if (encodedName === undefined) return { status: 400, text: 'Missing model name in request.' };
  const name = decodeName(encodedName);
  if (label !== undefined) return unknownLabel(label);
  if (metadata !== undefined) return replyToMetadata(name, version, { model, versions });
  const all = name === model ? versions.statuses() : [];
  if (version === undefined) {
    if (all.length === 0) return { status: 404, text: `Could not find any versions of model ${name}` };
    return { status: 200, text: encodeModelStatus(all) };
  }
  const found = all.filter((status) => status.version === normalised(version));
  if (found.length === 0) return { status: 404, text: `Could not find version ${version} of model ${name}` };
  return { status: 200, text: encodeModelStatus(found) };
}

function replyToMetadata(name: string, version: string | undefined, { model, versions }: Served): Reply {
  const lease = name === model ? versions.lease(normalised(version)) : undefined;
  if (lease === undefined) return notServable(Buffer.from('{}'), name, version);
  try {
    const signatures = { [SIGNATURE_NAME]: signatureOf(lease.scorer) };
    return { status: 200, text: encodeModelMetadata({ name, version: lease.version, signatures }) };
  } finally {
    lease.release();
  }
}

function unknownLabel(label: string): Reply {
  return { status: 400, text: `Unrecognized servable version label: ${decodeName(label)}` };
}

function otherMethod(verb: string): Reply {
  const kind = verb === 'classify' ? 'classification' : 'regression';
  return {
    status: 400,
    text: `Expected ${kind} signature method_name to be tensorflow/serving/${verb}. Was: tensorflow/serving/predict`,
  };
}

/** Versions are numbers: 007 is 7. */
function normalised(version: string | undefined): string | undefined {
  return version?.replace(/^0+(?=\d)/, '');
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
