import {
  headerText,
  isStructuredContentType,
  readBinaryEvent,
  readStructuredEvent,
} from '../../protocols/cloudevents.ts';
import type { CloudEvent } from '../../protocols/cloudevents.ts';
import type { EventFormat } from '../event-format.ts';
import { DEFAULT_BODY_BYTES } from '../format-options.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import { malformed, readPredictBody } from '../predict-body.ts';
import type { PredictBody } from '../predict-body.ts';
import { eventOfPredict, foreignModel } from '../predict-event.ts';
import { createFormat, identifyByHeader, isEnd, openBody } from '../reading.ts';
import type { Drop, Redirect } from '../reading.ts';
import { scanTopLevelId } from '../scan-id.ts';
import type { RawRecord } from '../source.ts';
import { fault, isFault, printValue } from '../tensor-rows.ts';
import type { Fault } from '../tensor-rows.ts';

/** Old Seldon and MLServer events carry the request's id beside one of their own. */
const ID_HEADERS = ['ce_requestid', 'ce-requestid', 'ce_id', 'ce-id'];

/**
 * What KServe's logger sends: CloudEvents in binary or structured mode, request and response apart under one id, with V1
 * or OIP v2 bodies. The content type is the request's on both, and the header that says where raw tensors begin is lost,
 * so a body is told by its bytes. Events of another component are dropped: a transformer logs the same request again.
 */
export function createKserve(options: FormatOptions): EventFormat {
  const { maxBodyBytes = DEFAULT_BODY_BYTES } = options;
  const withInput = { ...options, compiled: compileInput(options.input) };
  return createFormat({
    identify(record) {
      const byHeader = identifyByHeader(record, ID_HEADERS);
      return byHeader.kind === 'none' ? scanTopLevelId(record.value) : byHeader;
    },
    read(record, identity, positionId) {
      const event = readEvent(record);
      if (isEnd(event)) return event;
      const kind = kindOf(event, options);
      if (typeof kind !== 'string') return kind;
      const bytes = openBody(event.data, maxBodyBytes);
      if (isFault(bytes)) return bytes;
      const body = readPredictBody(bytes);
      if (isEnd(body)) return body;
      if (body[kind] === undefined)
        return fault('unrecognised_event', 'body', `the ${kind} that its type promises`, 'none');
      const time = event.attributes.get('time');
      const own = withoutNames(body);
      return eventOfPredict({ body: own, record, identity, positionId, time }, withInput);
    },
  });
}

/** The attributes have named event and model; inside a body they may be called otherwise. */
function withoutNames({ inputs, outputs, version }: PredictBody): PredictBody {
  return {
    ...(inputs === undefined ? {} : { inputs }),
    ...(outputs === undefined ? {} : { outputs }),
    ...(version === undefined ? {} : { version }),
  };
}

function readEvent(record: RawRecord): CloudEvent | Fault | Redirect {
  const contentType = headerText(record.headers, 'content-type');
  if (!isStructuredContentType(contentType)) {
    const binary = readBinaryEvent(record.headers, record.value);
    if (binary !== undefined) return binary;
  }
  const structured = readStructuredEvent(record.value);
  if (!structured.ok) return malformed('malformed_json', structured.problem);
  if (structured.value.attributes.has('specversion')) return structured.value;
  return { redirect: 'json-events', why: 'plain_json' };
}

/** Which tensors an event must bring, or why it is not wanted. */
function kindOf({ attributes }: CloudEvent, options: FormatOptions): 'inputs' | 'outputs' | Drop {
  const { namespace, component = 'predictor' } = options;
  const type = attributes.get('type') ?? '';
  const kind = /\.inference\.(request|response)$/.exec(type)?.[1];
  if (kind === undefined)
    return {
      drop: 'other_event',
      detail: `type: expected an inference request or response, got ${printValue(type)}`,
    };
  const model = attributes.get('modelid') ?? attributes.get('inferenceservicename');
  const foreign = foreignModel(model, options);
  if (foreign !== undefined) return foreign;
  const own = attributes.get('namespace');
  if (namespace !== undefined && own !== namespace)
    return {
      drop: 'unknown_model',
      detail: `namespace: expected ${printValue(namespace)}, got ${printValue(own)}`,
    };
  const from = attributes.get('component') ?? '';
  if (from !== '' && from !== component)
    return {
      drop: 'other_component',
      detail: `component: expected ${printValue(component)}, got ${printValue(from)}`,
    };
  return kind === 'request' ? 'inputs' : 'outputs';
}
