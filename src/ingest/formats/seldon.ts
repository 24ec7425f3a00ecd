import { headerText } from '../../protocols/cloudevents.ts';
import { decodeInferRequest, decodeInferResponse } from '../../protocols/oip-grpc.ts';
import type { EventFormat, EventIdentity } from '../event-format.ts';
import { DEFAULT_BODY_BYTES } from '../format-options.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import { byName, malformed, readPredictBody } from '../predict-body.ts';
import type { PredictBody } from '../predict-body.ts';
import { eventOfPredict } from '../predict-event.ts';
import { createFormat, identifyByHeader, identityOf, isEnd, openBody } from '../reading.ts';
import type { Redirect } from '../reading.ts';
import { scanTopLevelId } from '../scan-id.ts';
import type { RawRecord } from '../source.ts';
import { fault, isFault, printValue } from '../tensor-rows.ts';
import type { Fault } from '../tensor-rows.ts';

const ID_HEADERS = ['x-request-id'];
const TYPE_HEADER = 'seldon-infer-type';
const ERROR_HEADER = 'seldon-pipeline-errors';
const OPEN_BRACE = 0x7b;

/**
 * Topics of Seldon Core 2 (`seldon.NAMESPACE.model|pipeline.NAME.inputs|outputs`): OIP messages as protobuf, with raw or
 * typed contents, or as JSON, bare or behind the prefix of a schema registry. The id is in a header, else the end of the
 * key. A model is called by its name and the number of its generation (`digits_3`).
 */
export function createSeldon(options: FormatOptions): EventFormat {
  const { maxBodyBytes = DEFAULT_BODY_BYTES } = options;
  const service = options.service ?? options.model;
  const withInput = { ...options, compiled: compileInput(options.input) };
  return createFormat({
    identify,
    read(record, identity, positionId) {
      const failed = headerText(record.headers, ERROR_HEADER);
      if (failed !== undefined)
        return {
          drop: 'other_event',
          detail: `event: expected an inference, got an error of ${printValue(failed)}`,
        };
      const bytes = openBody(withoutRegistryPrefix(record.value), maxBodyBytes);
      if (isFault(bytes)) return bytes;
      const body = readBody(bytes, kindOf(record, positionId));
      if (isEnd(body)) return body;
      const { model, ...rest } = body;
      const plainName = model?.startsWith(`${service}_`) === true ? model.replace(/_\d+$/, '') : model;
      const named = plainName === undefined ? rest : { ...rest, model: plainName };
      return eventOfPredict({ body: named, record, identity, positionId }, withInput);
    },
  });
}

function identify(record: RawRecord): EventIdentity {
  const byHeader = identifyByHeader(record, ID_HEADERS);
  if (byHeader.kind !== 'none') return byHeader;
  const { key, value } = record;
  // <partition>.<pipeline>.<request id>
  if (key !== undefined && key.length > 0)
    return identityOf(Buffer.from(key).toString('utf8').split('.').at(-1)!);
  return value[0] === OPEN_BRACE ? scanTopLevelId(value) : { kind: 'none' };
}

type Kind = 'request' | 'response' | undefined;

/** By the header, else by the end of the topic's name. */
function kindOf(record: RawRecord, positionId: string): Kind {
  const type = headerText(record.headers, TYPE_HEADER)?.toLowerCase() ?? '';
  const named = /infermodel(request|response)/.exec(type)?.[1];
  if (named !== undefined) return named as Kind;
  const topic = /\.(inputs|outputs)\/\d+\/\d+$/.exec(positionId)?.[1];
  if (topic === undefined) return undefined;
  return topic === 'inputs' ? 'request' : 'response';
}

function readBody(bytes: Uint8Array, kind: Kind): PredictBody | Fault | Redirect {
  if (bytes[0] === OPEN_BRACE) return readPredictBody(bytes);
  if (kind === undefined)
    return fault('unrecognised_event', 'record', `a header ${TYPE_HEADER}, or JSON`, 'neither');
  if (kind === 'request') {
    const call = decodeInferRequest(bytes);
    if (!call.ok) return malformed('malformed_body', call.problem);
    const { modelName, request } = call.value;
    return { ...idOf(request.id), model: modelName, inputs: byName(request.inputs) };
  }
  const answer = decodeInferResponse(bytes);
  if (!answer.ok) return malformed('malformed_body', answer.problem);
  const { id, modelName, modelVersion, outputs } = answer.value;
  const version = modelVersion === undefined ? {} : { version: modelVersion };
  return { ...idOf(id), model: modelName, ...version, outputs: byName(outputs) };
}

function idOf(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id };
}

const SCHEMA_ID_BYTES = 4;

/**
 * Behind a schema registry a value begins with a zero byte, the schema's id and the path of the message inside the schema:
 * its length and as many indexes, or one zero for the first message. No protobuf message and no JSON begins with zero.
 */
function withoutRegistryPrefix(value: Uint8Array): Uint8Array {
  if (value[0] !== 0) return value;
  let at = 1 + SCHEMA_ID_BYTES;
  // Zigzag: a count n is written 2n; counts and indexes below 64 take one byte, and schemas have no more messages.
  const indexes = (value[at] ?? 0) >> 1;
  at += 1 + indexes;
  return value.subarray(Math.min(at, value.length));
}
