/**
 * TensorFlow Serving's PredictionLog, the message of its request logging: a predict request and, mostly, its answer.
 * Pure; bad data is a result. Fields that nobody here reads are left out of the definitions and skipped.
 * Source: tensorflow/serving, apis/prediction_log.proto, predict.proto, model.proto, logging.proto; tensorflow,
 * core/framework/{tensor,tensor_shape,types}.proto.
 */
import protobuf from 'protobufjs';
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { isModestMessage } from './protobuf-guard.ts';
import type { Tensor } from './tensor.ts';
import { readTensorProto, type TensorProto } from './tensor-proto.ts';

const PREDICTION_LOG = protobuf
  .parse(
    `
  syntax = "proto3";
  package tensorflow.serving;
  message Int64Value { int64 value = 1; }
  message ModelSpec { string name = 1; Int64Value version = 2; string signature_name = 3; string version_label = 4; }
  message Dim { int64 size = 1; }
  message TensorShapeProto { repeated Dim dim = 2; bool unknown_rank = 3; }
  message TensorProto {
    int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; repeated int32 half_val = 13;
    repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7; repeated bytes string_val = 8;
    repeated int64 int64_val = 10; repeated bool bool_val = 11; repeated uint32 uint32_val = 16; repeated uint64 uint64_val = 17;
  }
  message PredictRequest { ModelSpec model_spec = 1; map<string, TensorProto> inputs = 2; }
  message PredictResponse { map<string, TensorProto> outputs = 1; ModelSpec model_spec = 2; }
  message PredictLog { PredictRequest request = 1; PredictResponse response = 2; }
  message LogMetadata { ModelSpec model_spec = 1; int64 timestamp_secs = 4; string request_origin = 6; }
  message PredictionLog { LogMetadata log_metadata = 1; PredictLog predict_log = 6; }
`,
    { keepCase: true },
  )
  .root.lookupType('tensorflow.serving.PredictionLog');

export interface PredictionLog {
  readonly modelName?: string;
  readonly modelVersion?: string;
  readonly signatureName?: string;
  /** When it was logged, ms since the Unix epoch; servers before 2.13 or so do not say. */
  readonly timeMs?: number;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Absent where the log holds the request alone. */
  readonly outputs?: ReadonlyMap<string, Tensor>;
}

interface SpecMessage {
  readonly name: string;
  readonly version: { readonly value: number } | null;
  readonly signature_name: string;
}

interface LogMessage {
  readonly log_metadata: { readonly model_spec: SpecMessage | null; readonly timestamp_secs: number } | null;
  readonly predict_log: {
    readonly request: { readonly model_spec: SpecMessage | null; readonly inputs: TensorMessages } | null;
    readonly response: { readonly model_spec: SpecMessage | null; readonly outputs: TensorMessages } | null;
  } | null;
}

type TensorMessages = Readonly<Record<string, TensorProto>>;

/** @returns undecodable also for logs of other calls (classify, regress, …) */
export function parsePredictionLog(bytes: Uint8Array): Decoded<PredictionLog> {
  const message = readMessage(bytes);
  if (!message.ok) return message;
  const { log_metadata: metadata, predict_log: log } = message.value;
  if (log?.request === null || log?.request === undefined)
    return undecodable({ where: 'predict_log', expected: 'a predict request', got: 'none' });
  const inputs = readTensors(log.request.inputs, 'request.inputs');
  if (!inputs.ok) return inputs;
  const outputs = log.response === null ? undefined : readTensors(log.response.outputs, 'response.outputs');
  if (outputs?.ok === false) return outputs;
  const specs = [log.response?.model_spec, log.request.model_spec, metadata?.model_spec];
  const seconds = metadata?.timestamp_secs ?? 0;
  return decoded({
    ...namesOf(specs.filter((spec) => spec !== null && spec !== undefined)),
    ...(seconds > 0 ? { timeMs: seconds * 1000 } : {}),
    inputs: inputs.value,
    ...(outputs === undefined || outputs.value.size === 0 ? {} : { outputs: outputs.value }),
  });
}

function readMessage(bytes: Uint8Array): Decoded<LogMessage> {
  const refused = (got: string): Decoded<never> =>
    undecodable({ where: 'body', expected: 'a PredictionLog', got });
  if (!isModestMessage(bytes)) return refused('bytes that are no message');
  try {
    const object = PREDICTION_LOG.toObject(PREDICTION_LOG.decode(bytes), { longs: Number, defaults: true });
    return decoded(object as unknown as LogMessage); // as the definition above says
  } catch (caught) {
    return refused(printed(String(caught)));
  }
}

/** What the answer says goes first: the request may leave the version open. */
function namesOf(
  specs: readonly SpecMessage[],
): Pick<PredictionLog, 'modelName' | 'modelVersion' | 'signatureName'> {
  const name = specs.find((spec) => spec.name !== '')?.name;
  const version = specs.find((spec) => spec.version !== null)?.version?.value;
  const signature = specs.find((spec) => spec.signature_name !== '')?.signature_name;
  return {
    ...(name === undefined ? {} : { modelName: name }),
    ...(version === undefined ? {} : { modelVersion: `${version}` }),
    ...(signature === undefined ? {} : { signatureName: signature }),
  };
}

function readTensors(messages: TensorMessages, where: string): Decoded<ReadonlyMap<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const [name, message] of Object.entries(messages)) {
    const tensor = readTensorProto(message, `${where}.${name.slice(0, 40)}`);
    if (!tensor.ok) return tensor;
    tensors.set(name, tensor.value);
  }
  return decoded(tensors);
}
