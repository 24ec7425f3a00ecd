import { printed } from '../protocols/decoded.ts';
import type { Decoded, Problem } from '../protocols/decoded.ts';
import { parseLenientJson } from '../protocols/lenient-json.ts';
import type { JsonValue } from '../protocols/lenient-json.ts';
import { jsonObjectEnd } from '../protocols/oip-split.ts';
import { parseOipAnswer, parseOipRequest } from '../protocols/oip.ts';
import type { OipTensor } from '../protocols/oip.ts';
import { isArray, isObject } from '../protocols/tensor.ts';
import { parsePredictAnswer, parsePredictRequest } from '../protocols/tf-serving.ts';
import type { Redirect } from './reading.ts';
import type { NamedTensors } from './tensor-events.ts';
import { fault } from './tensor-rows.ts';
import type { Fault } from './tensor-rows.ts';

/** Body of a predict call, of whichever REST protocol it is. Either inputs or outputs are there. */
export interface PredictBody {
  readonly id?: string;
  readonly model?: string;
  readonly version?: string;
  readonly inputs?: NamedTensors;
  readonly outputs?: NamedTensors;
}

type Document = Readonly<Record<string, JsonValue | undefined>>;

/**
 * Tells by its keys what a body is and reads it: V1 and TensorFlow Serving rows and columns (`instances`, `inputs`,
 * `predictions`, `outputs`), or OIP v2, whose `inputs` and `outputs` are lists of tensors, in JSON or with raw tensors
 * behind the JSON. Labels in plain JSON go to the decoder of those.
 */
export function readPredictBody(body: Uint8Array): PredictBody | Fault | Redirect {
  const whole = parseLenientJson(body);
  if (whole.ok) return isObject(whole.value) ? readDocument(whole.value, body) : notAnObject(whole.value);
  const end = jsonObjectEnd(body);
  if (end === undefined || end === body.length) return malformed('malformed_json', whole.problem);
  const head = parseLenientJson(body.subarray(0, end));
  if (!head.ok) return malformed('malformed_json', head.problem);
  return isObject(head.value) ? readDocument(head.value, body) : notAnObject(head.value);
}

function readDocument(document: Document, body: Uint8Array): PredictBody | Fault | Redirect {
  const { instances, inputs, predictions, outputs } = document;
  if (isTensorList(inputs)) return requestOf(body);
  if (instances !== undefined || inputs !== undefined)
    return withTensors(parsePredictRequest(body), document, ({ inputs: tensors }) => ({ inputs: tensors }));
  if (isTensorList(outputs)) return answerOf(body);
  if (predictions !== undefined || outputs !== undefined)
    return withTensors(parsePredictAnswer(body), document, ({ outputs: tensors }) => ({ outputs: tensors }));
  if (document.label !== undefined || document.labels !== undefined)
    return { redirect: 'json-events', why: 'plain_json' };
  return fault('unrecognised_event', 'body', 'instances, inputs, predictions or outputs', printed(document));
}

/** Tensors of OIP have a datatype; a list of rows has none. */
function isTensorList(value: JsonValue | undefined): boolean {
  const first = isArray(value) ? value[0] : undefined;
  return isObject(first) && 'datatype' in first;
}

function requestOf(body: Uint8Array): PredictBody | Fault {
  const parsed = parseOipRequest(body);
  if (!parsed.ok) return malformed('malformed_body', parsed.problem);
  const { id, inputs } = parsed.value;
  return { ...(id === undefined ? {} : { id }), inputs: byName(inputs) };
}

function answerOf(body: Uint8Array): PredictBody | Fault {
  const parsed = parseOipAnswer(body);
  if (!parsed.ok) return malformed('malformed_body', parsed.problem);
  const { id, modelName, modelVersion, outputs } = parsed.value;
  return {
    ...(id === undefined ? {} : { id }),
    ...(modelName === '' ? {} : { model: modelName }),
    ...(modelVersion === undefined ? {} : { version: modelVersion }),
    outputs: byName(outputs),
  };
}

export function byName(tensors: readonly OipTensor[]): NamedTensors {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** V1 has no id of its own; some loggers and proxies put one beside the tensors, and KServe names model and version. */
function withTensors<T>(
  parsed: Decoded<T>,
  document: Document,
  tensorsOf: (value: T) => Pick<PredictBody, 'inputs' | 'outputs'>,
): PredictBody | Fault {
  if (!parsed.ok) return malformed('malformed_body', parsed.problem);
  const { id, model_name: model, model_version: version } = document;
  return {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof version === 'string' ? { version } : {}),
    ...tensorsOf(parsed.value),
  };
}

export function malformed(reason: 'malformed_json' | 'malformed_body', { message }: Problem): Fault {
  return { reason, detail: `body: ${message}` };
}

function notAnObject(value: JsonValue): Fault {
  return fault('unrecognised_event', 'body', 'an object', printed(value));
}
