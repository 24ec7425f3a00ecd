/**
 * The messages of the Open Inference Protocol v2 over gRPC (and of Seldon's topics): the same requests and answers as
 * over REST. Written with raw contents, read with raw or typed ones.
 * Source: KServe, docs/predict-api/v2/grpc_predict_v2.proto.
 */
import protobuf from 'protobufjs';
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import type { OipAnswer, OipParameter, OipRequest, OipTensor } from './oip.ts';
import { bytesOfTensor, isOipDatatype, isOipShape, tensorOfBytes, type TensorPlace } from './oip-bytes.ts';
import { isModestMessage } from './protobuf-guard.ts';
import type { TensorData } from './tensor.ts';

export const OIP_SERVICE = 'inference.GRPCInferenceService';

const MESSAGES = protobuf.parse(
  `
  syntax = "proto3";
  package inference;
  message InferParameter { oneof parameter_choice { bool bool_param = 1; int64 int64_param = 2; string string_param = 3; double double_param = 4; uint64 uint64_param = 5; } }
  message InferTensorContents {
    repeated bool bool_contents = 1; repeated int32 int_contents = 2; repeated int64 int64_contents = 3; repeated uint32 uint_contents = 4;
    repeated uint64 uint64_contents = 5; repeated float fp32_contents = 6; repeated double fp64_contents = 7; repeated bytes bytes_contents = 8;
  }
  message InferTensor { string name = 1; string datatype = 2; repeated int64 shape = 3; map<string, InferParameter> parameters = 4; InferTensorContents contents = 5; }
  message RequestedOutput { string name = 1; map<string, InferParameter> parameters = 2; }
  message ModelInferRequest {
    string model_name = 1; string model_version = 2; string id = 3; map<string, InferParameter> parameters = 4;
    repeated InferTensor inputs = 5; repeated RequestedOutput outputs = 6; repeated bytes raw_input_contents = 7;
  }
  message ModelInferResponse {
    string model_name = 1; string model_version = 2; string id = 3; map<string, InferParameter> parameters = 4;
    repeated InferTensor outputs = 5; repeated bytes raw_output_contents = 6;
  }
  message TensorMetadata { string name = 1; string datatype = 2; repeated int64 shape = 3; }
  message ServerLiveRequest {}
  message ServerLiveResponse { bool live = 1; }
  message ServerReadyRequest {}
  message ServerReadyResponse { bool ready = 1; }
  message ModelReadyRequest { string name = 1; string version = 2; }
  message ModelReadyResponse { bool ready = 1; }
  message ServerMetadataRequest {}
  message ServerMetadataResponse { string name = 1; string version = 2; repeated string extensions = 3; }
  message ModelMetadataRequest { string name = 1; string version = 2; }
  message ModelMetadataResponse { string name = 1; repeated string versions = 2; string platform = 3; repeated TensorMetadata inputs = 4; repeated TensorMetadata outputs = 5; }
  message ModelConfigRequest { string name = 1; string version = 2; }
  message ModelConfig { string name = 1; int32 max_batch_size = 4; }
  message ModelConfigResponse { ModelConfig config = 1; }
`,
  { keepCase: true },
).root;

/** Methods of the service, each with its two messages `<Method>Request` and `<Method>Response`. */
export const OIP_METHODS = [
  'ServerLive',
  'ServerReady',
  'ModelReady',
  'ServerMetadata',
  'ModelMetadata',
  'ModelInfer',
  /** Triton's own. */
  'ModelConfig',
] as const;
export type OipMethod = (typeof OIP_METHODS)[number];

export interface OipCall {
  readonly modelName: string;
  readonly modelVersion?: string;
  readonly request: OipRequest;
}

/** Plain messages, for the small methods. */
export function encodeOipMessage(name: `${OipMethod}${'Request' | 'Response'}`, message: object): Uint8Array {
  return MESSAGES.lookupType(`inference.${name}`).encode(message).finish();
}

/** @returns the message with 64-bit numbers as numbers and every field there; undecodable for what is no such message */
export function decodeOipMessage(
  name: `${OipMethod}${'Request' | 'Response'}`,
  bytes: Uint8Array,
): Decoded<Readonly<Record<string, unknown>>> {
  const type = MESSAGES.lookupType(`inference.${name}`);
  if (!isModestMessage(bytes))
    return undecodable({ where: 'body', expected: `a ${name}`, got: 'bytes that are no message' });
  try {
    return decoded(type.toObject(type.decode(bytes), { longs: Number, defaults: true }));
  } catch (caught) {
    return undecodable({ where: 'body', expected: `a ${name}`, got: printed(String(caught)) });
  }
}

export function encodeInferRequest({ modelName, modelVersion = '', request }: OipCall): Uint8Array {
  const { id = '', parameters = {}, inputs, outputs = [] } = request;
  return encodeOipMessage('ModelInferRequest', {
    model_name: modelName,
    model_version: modelVersion,
    id,
    parameters: parameterMessages(parameters),
    inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    outputs: outputs.map((name) => ({ name })),
    raw_input_contents: inputs.map(bytesOfTensor),
  });
}

export function encodeInferResponse({
  id = '',
  modelName,
  modelVersion = '',
  outputs,
}: OipAnswer): Uint8Array {
  return encodeOipMessage('ModelInferResponse', {
    model_name: modelName,
    model_version: modelVersion,
    id,
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    raw_output_contents: outputs.map(bytesOfTensor),
  });
}

export function decodeInferRequest(bytes: Uint8Array): Decoded<OipCall> {
  const message = decodeOipMessage('ModelInferRequest', bytes);
  if (!message.ok) return message;
  const { model_name, model_version, id, parameters, inputs, outputs, raw_input_contents } =
    message.value as unknown as RequestMessage; // as the message's definition above says
  const tensors = readTensors(inputs, raw_input_contents, 'inputs');
  if (!tensors.ok) return tensors;
  const found = parameterValues(parameters);
  return decoded({
    modelName: model_name,
    ...(model_version === '' ? {} : { modelVersion: model_version }),
    request: {
      ...(id === '' ? {} : { id }),
      ...(Object.keys(found).length === 0 ? {} : { parameters: found }),
      inputs: tensors.value,
      outputs: outputs.map(({ name }) => name),
    },
  });
}

export function decodeInferResponse(bytes: Uint8Array): Decoded<OipAnswer> {
  const message = decodeOipMessage('ModelInferResponse', bytes);
  if (!message.ok) return message;
  const { model_name, model_version, id, outputs, raw_output_contents } =
    message.value as unknown as ResponseMessage; // as the message's definition above says
  const tensors = readTensors(outputs, raw_output_contents, 'outputs');
  if (!tensors.ok) return tensors;
  return decoded({
    ...(id === '' ? {} : { id }),
    modelName: model_name,
    ...(model_version === '' ? {} : { modelVersion: model_version }),
    outputs: tensors.value,
  });
}

interface TensorMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly contents: ContentsMessage | null;
}

interface ContentsMessage {
  readonly bool_contents: readonly boolean[];
  readonly bytes_contents: readonly Uint8Array[];
  readonly int_contents: readonly number[];
  readonly int64_contents: readonly number[];
  readonly uint_contents: readonly number[];
  readonly uint64_contents: readonly number[];
  readonly fp32_contents: readonly number[];
  readonly fp64_contents: readonly number[];
}

type ParameterMessages = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface RequestMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: ParameterMessages;
  readonly inputs: readonly TensorMessage[];
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

interface ResponseMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: readonly TensorMessage[];
  readonly raw_output_contents: readonly Uint8Array[];
}

function readTensors(
  messages: readonly TensorMessage[],
  raw: readonly Uint8Array[],
  where: string,
): Decoded<readonly OipTensor[]> {
  if (raw.length > 0 && raw.length !== messages.length)
    return undecodable({
      where,
      expected: `raw contents for each of ${messages.length} tensors, or for none`,
      got: `${raw.length}`,
    });
  const tensors: OipTensor[] = [];
  for (const [i, { name, datatype, shape, contents }] of messages.entries()) {
    const place = `${where}[${i}]`;
    if (!isOipDatatype(datatype))
      return undecodable({
        where: `${place}.datatype`,
        expected: 'a datatype such as FP32',
        got: printed(datatype),
      });
    if (!isOipShape(shape))
      return undecodable({
        where: `${place}.shape`,
        expected: 'whole sides of 0 or more',
        got: printed(shape),
      });
    const at = { datatype, shape, where: place };
    const data = raw.length > 0 ? tensorOfBytes(raw[i]!, at) : dataOfContents(contents, at);
    if (!data.ok) return data;
    tensors.push({ name, datatype, shape, data: data.value });
  }
  return decoded(tensors);
}

function dataOfContents(contents: ContentsMessage | null, place: TensorPlace): Decoded<TensorData> {
  const { datatype, shape, where } = place;
  const values = contents === null ? [] : valuesOf(contents, place);
  const expected = shape.reduce((product, side) => product * side, 1);
  if (values.length !== expected)
    return undecodable({
      where,
      expected: `${expected} values of ${datatype} for shape [${shape.join(',')}]`,
      got: `${values.length}`,
    });
  if (datatype === 'BOOL') return decoded({ kind: 'boolean', values: values as readonly boolean[] });
  if (datatype === 'BYTES') return decoded({ kind: 'bytes', values: values as readonly Uint8Array[] });
  const numbers = values as readonly number[];
  return decoded({
    kind: 'number',
    values: datatype === 'FP32' ? Float32Array.from(numbers) : Float64Array.from(numbers),
  });
}

function valuesOf(
  contents: ContentsMessage,
  { datatype }: TensorPlace,
): readonly (number | boolean | Uint8Array)[] {
  switch (datatype) {
    case 'BOOL':
      return contents.bool_contents;
    case 'BYTES':
      return contents.bytes_contents;
    case 'INT8':
    case 'INT16':
    case 'INT32':
      return contents.int_contents;
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
      return contents.uint_contents;
    case 'INT64':
      return contents.int64_contents;
    case 'UINT64':
      return contents.uint64_contents;
    case 'FP32':
      return contents.fp32_contents;
    case 'FP64':
      return contents.fp64_contents;
    // Half precision has raw contents only.
    case 'FP16':
    case 'BF16':
      return [];
  }
}

function parameterMessages(parameters: Readonly<Record<string, OipParameter>>): object {
  const message = (value: OipParameter): object => {
    if (typeof value === 'boolean') return { bool_param: value };
    if (typeof value === 'string') return { string_param: value };
    return Number.isSafeInteger(value) ? { int64_param: value } : { double_param: value };
  };
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, message(value)]));
}

function parameterValues(messages: ParameterMessages): Readonly<Record<string, OipParameter>> {
  const entries = Object.entries(messages).flatMap(([key, message]): [string, OipParameter][] => {
    const [value] = Object.values(message);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[key, value]]
      : [];
  });
  return Object.fromEntries(entries);
}
