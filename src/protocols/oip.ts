/**
 * The Open Inference Protocol v2 over REST: infer requests and answers, in JSON and with the binary tensor extension. Pure:
 * bytes to values and back; bad data is a result.
 * Source: KServe, docs/predict-api/v2/required_api.md; Triton, docs/protocol/extension_binary_data.md. gRPC: oip-grpc.ts.
 */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { parseLenientJson, type JsonValue } from './lenient-json.ts';
import {
  bytesOfTensor,
  isOipDatatype,
  isOipShape,
  OIP_MAX_RANK,
  tensorOfBytes,
  type OipDatatype,
} from './oip-bytes.ts';
import { dataOfJson, jsonOfData } from './oip-json.ts';
import { jsonObjectEnd } from './oip-split.ts';
import { isArray, isObject, type Tensor } from './tensor.ts';

/** Header with the length of the JSON part of a binary body, in bytes. */
export const OIP_HEADER_LENGTH = 'inference-header-content-length';
export const OIP_BINARY_TYPE = 'application/octet-stream';

export interface OipTensor extends Tensor {
  readonly name: string;
  readonly datatype: OipDatatype;
}

export type OipParameter = string | number | boolean;

export interface OipRequest {
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, OipParameter>>;
  readonly inputs: readonly OipTensor[];
  /** Outputs that are asked for by name; absent or empty: all. */
  readonly outputs?: readonly string[];
  /** Whether the answer's tensors are wanted as bytes: all of them, or those named. Default none. */
  readonly binaryOutputs?: boolean | readonly string[];
}

export interface OipAnswer {
  readonly id?: string;
  readonly modelName: string;
  readonly modelVersion?: string;
  readonly outputs: readonly OipTensor[];
}

/** A body as it goes over the wire; with bytes in it, the length of its JSON part. */
export interface OipBody {
  readonly bytes: Uint8Array;
  readonly headerLength?: number;
}

export type OipForm = 'json' | 'binary';

/** A request, with its tensors as text or as bytes. */
export function encodeOipRequest(request: OipRequest, form: OipForm): OipBody {
  const { id, parameters = {}, inputs, outputs = [], binaryOutputs = false } = request;
  const all = binaryOutputs === true ? { ...parameters, binary_data_output: true } : parameters;
  const asBytes = isArrayOfNames(binaryOutputs) ? binaryOutputs : [];
  return bodyOf(form, inputs, (tensors) => ({
    ...(id === undefined ? {} : { id }),
    ...(Object.keys(all).length === 0 ? {} : { parameters: all }),
    inputs: tensors,
    ...(outputs.length === 0
      ? {}
      : {
          outputs: outputs.map((name) => ({
            name,
            ...(asBytes.includes(name) ? { parameters: { binary_data: true } } : {}),
          })),
        }),
  }));
}

/** An answer, with the named tensors as bytes, or all of them. */
export function encodeOipAnswer(answer: OipAnswer, asBytes: boolean | readonly string[] = false): OipBody {
  const { id, modelName, modelVersion, outputs } = answer;
  return bodyOf(asBytes, outputs, (tensors) => ({
    ...(id === undefined ? {} : { id }),
    model_name: modelName,
    ...(modelVersion === undefined ? {} : { model_version: modelVersion }),
    outputs: tensors,
  }));
}

/**
 * @param headerLength what the header of that name says; without it, the JSON part is found by its closing brace (loggers
 *   lose the header)
 */
export function parseOipRequest(body: Uint8Array, headerLength?: number): Decoded<OipRequest> {
  const parts = splitBody(body, headerLength);
  if (!parts.ok) return parts;
  const { document, rest } = parts.value;
  const inputs = readTensors(document.inputs, 'inputs', rest);
  if (!inputs.ok) return inputs;
  const outputs = isArray(document.outputs) ? document.outputs.filter(isObject) : [];
  const named = outputs.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  const asBytes = outputs.flatMap((output) =>
    parametersOf(output).binary_data === true && typeof output.name === 'string' ? [output.name] : [],
  );
  const parameters = parametersOf(document);
  return decoded({
    ...textMember('id', document.id),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    inputs: inputs.value,
    outputs: named,
    binaryOutputs: parameters.binary_data_output === true || asBytes,
  });
}

/** @param headerLength as of parseOipRequest */
export function parseOipAnswer(body: Uint8Array, headerLength?: number): Decoded<OipAnswer> {
  const parts = splitBody(body, headerLength);
  if (!parts.ok) return parts;
  const { document, rest } = parts.value;
  const outputs = readTensors(document.outputs, 'outputs', rest);
  if (!outputs.ok) return outputs;
  const { id, model_name: name, model_version: version } = document;
  return decoded({
    ...textMember('id', id),
    modelName: typeof name === 'string' ? name : '',
    ...textMember('modelVersion', version),
    outputs: outputs.value,
  });
}

type Document = Readonly<Record<string, JsonValue | undefined>>;

function bodyOf(
  asBytes: OipForm | boolean | readonly string[],
  tensors: readonly OipTensor[],
  document: (tensors: readonly object[]) => object,
): OipBody {
  const isBinary = ({ name }: OipTensor): boolean =>
    isArrayOfNames(asBytes) ? asBytes.includes(name) : asBytes === 'binary' || asBytes === true;
  const appended: Uint8Array[] = [];
  const described = tensors.map((tensor) => {
    const { name, datatype, shape } = tensor;
    if (!isBinary(tensor)) return { name, shape, datatype, data: PLACE };
    const bytes = bytesOfTensor(tensor);
    appended.push(bytes);
    return { name, shape, datatype, parameters: { binary_data_size: bytes.byteLength } };
  });
  const texts = tensors.filter((tensor) => !isBinary(tensor)).map(jsonOfData);
  // Numbers have texts of their own, which JSON.stringify would not write: they are put in afterwards.
  const [head = '', ...tails] = JSON.stringify(document(described)).split(JSON.stringify(PLACE));
  const json = Buffer.from(head + tails.map((tail, i) => texts[i]! + tail).join(''));
  if (appended.length === 0) return { bytes: json };
  return { bytes: Buffer.concat([json, ...appended]), headerLength: json.byteLength };
}

/** Stands for the data of a tensor until its text is put in; nobody names a tensor like that. */
const PLACE = '\u0000data\u0000';

interface Parts {
  readonly document: Document;
  /** The raw tensors, in listed order. */
  readonly rest: Uint8Array;
}

function splitBody(body: Uint8Array, headerLength: number | undefined): Decoded<Parts> {
  const end = headerLength ?? jsonObjectEnd(body) ?? body.byteLength;
  if (!Number.isInteger(end) || end < 0 || end > body.byteLength)
    return undecodable({
      where: OIP_HEADER_LENGTH,
      expected: `at most the ${body.byteLength} bytes of the body`,
      got: `${end}`,
    });
  const document = parseLenientJson(body.subarray(0, end));
  if (!document.ok) return document;
  if (!isObject(document.value))
    return undecodable({ where: 'body', expected: 'an object', got: printed(document.value) });
  return decoded({ document: document.value, rest: body.subarray(end) });
}

function readTensors(
  list: JsonValue | undefined,
  where: string,
  rest: Uint8Array,
): Decoded<readonly OipTensor[]> {
  if (!isArray(list)) return undecodable({ where, expected: 'a list of tensors', got: printed(list) });
  const tensors: OipTensor[] = [];
  let offset = 0;
  for (const [i, entry] of list.entries()) {
    const tensor = readTensor(entry, `${where}[${i}]`, rest.subarray(offset));
    if (!tensor.ok) return tensor;
    tensors.push(tensor.value.tensor);
    offset += tensor.value.sizeBytes;
  }
  // White space after the JSON of a body without bytes is no tensor.
  if (offset === rest.byteLength || (offset === 0 && isBlank(rest))) return decoded(tensors);
  const got = `${rest.byteLength - offset} bytes more`;
  return undecodable({ where, expected: `${offset} bytes of tensors after the JSON`, got });
}

function readTensor(
  entry: JsonValue,
  where: string,
  rest: Uint8Array,
): Decoded<{ readonly tensor: OipTensor; readonly sizeBytes: number }> {
  if (!isObject(entry)) return undecodable({ where, expected: 'a tensor', got: printed(entry) });
  const { name, datatype, shape: sides } = entry;
  if (typeof name !== 'string')
    return undecodable({ where: `${where}.name`, expected: 'text', got: printed(name) });
  if (typeof datatype !== 'string' || !isOipDatatype(datatype))
    return undecodable({
      where: `${where}.datatype`,
      expected: 'a datatype such as FP32',
      got: printed(datatype),
    });
  const shape = shapeOf(sides);
  if (shape === undefined)
    return undecodable({
      where: `${where}.shape`,
      expected: `at most ${OIP_MAX_RANK} whole sides of 0 or more`,
      got: printed(sides),
    });
  const sizeBytes = parametersOf(entry).binary_data_size;
  const isBinary = typeof sizeBytes === 'number' && entry.data === undefined;
  if (isBinary && !(Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= rest.byteLength))
    return undecodable({
      where: `${where}.parameters.binary_data_size`,
      expected: `at most the ${rest.byteLength} bytes that are left`,
      got: printed(sizeBytes),
    });
  const data = isBinary
    ? tensorOfBytes(rest.subarray(0, sizeBytes), { datatype, shape, where })
    : dataOfJson(entry.data, { datatype, shape, where });
  if (!data.ok) return data;
  return decoded({
    tensor: { name, datatype, shape, data: data.value },
    sizeBytes: isBinary ? sizeBytes : 0,
  });
}

/** protojson writes sides as text. */
function shapeOf(sides: JsonValue | undefined): number[] | undefined {
  if (!isArray(sides)) return undefined;
  const shape = sides.map((side) =>
    typeof side === 'string' && /^\d{1,10}$/.test(side) ? Number(side) : side,
  );
  return isOipShape(shape) ? shape : undefined;
}

function parametersOf(document: Document): Readonly<Record<string, OipParameter>> {
  if (!isObject(document.parameters)) return {};
  const entries = Object.entries(document.parameters).filter(
    (entry): entry is [string, OipParameter] =>
      typeof entry[1] === 'string' || typeof entry[1] === 'number' || typeof entry[1] === 'boolean',
  );
  return Object.fromEntries(entries);
}

function textMember<K extends string>(key: K, value: JsonValue | undefined): { readonly [P in K]?: string } {
  return typeof value === 'string' || typeof value === 'number'
    ? ({ [key]: `${value}` } as { readonly [P in K]?: string })
    : {};
}

function isArrayOfNames(value: OipForm | boolean | readonly string[]): value is readonly string[] {
  return Array.isArray(value);
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
