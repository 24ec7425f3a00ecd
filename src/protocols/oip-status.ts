/** Health and metadata of the Open Inference Protocol v2 over REST. Errors: parseErrorBody of tf-serving-status.ts reads them all. */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { parseLenientJson, type JsonValue } from './lenient-json.ts';
import { isArray, isObject } from './tensor.ts';

export interface OipServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** A tensor that the model takes or gives. */
export interface OipTensorInfo {
  readonly name: string;
  readonly datatype: string;
  /** −1 for a free side. */
  readonly shape: readonly number[];
}

export interface OipModelMetadata {
  readonly name: string;
  /** Empty when the server does not say. */
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly OipTensorInfo[];
  readonly outputs: readonly OipTensorInfo[];
}

export function parseOipServerMetadata(body: string | Uint8Array): Decoded<OipServerMetadata> {
  const document = parseObject(body);
  if (!document.ok) return document;
  const { name, version, extensions } = document.value;
  return decoded({ name: text(name), version: text(version), extensions: texts(extensions) });
}

export function parseOipModelMetadata(body: string | Uint8Array): Decoded<OipModelMetadata> {
  const document = parseObject(body);
  if (!document.ok) return document;
  const { name, versions, platform, inputs, outputs } = document.value;
  const [given, gives] = [tensorInfos(inputs, 'inputs'), tensorInfos(outputs, 'outputs')];
  if (!given.ok) return given;
  if (!gives.ok) return gives;
  return decoded({
    name: text(name),
    versions: texts(versions),
    platform: text(platform),
    inputs: given.value,
    outputs: gives.value,
  });
}

function parseObject(body: string | Uint8Array): Decoded<Readonly<Record<string, JsonValue | undefined>>> {
  const document = parseLenientJson(body);
  if (!document.ok) return document;
  if (isObject(document.value)) return decoded(document.value);
  return undecodable({ where: 'body', expected: 'an object', got: printed(document.value) });
}

function tensorInfos(list: JsonValue | undefined, where: string): Decoded<readonly OipTensorInfo[]> {
  if (!isArray(list)) return undecodable({ where, expected: 'a list of tensors', got: printed(list) });
  const infos: OipTensorInfo[] = [];
  for (const [i, entry] of list.entries()) {
    const shape = isObject(entry) && isArray(entry.shape) ? entry.shape.map(Number) : undefined;
    if (!isObject(entry) || typeof entry.name !== 'string' || shape === undefined)
      return undecodable({
        where: `${where}[${i}]`,
        expected: 'an object with name, datatype and shape',
        got: printed(entry),
      });
    infos.push({ name: entry.name, datatype: text(entry.datatype), shape });
  }
  return decoded(infos);
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: JsonValue | undefined): readonly string[] {
  return isArray(value) ? value.flatMap((member) => (typeof member === 'string' ? [member] : [])) : [];
}
