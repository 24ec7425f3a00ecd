import type { EventIdentity } from './event-format.ts';
import type { FormatOptions } from './format-options.ts';
import type { CompiledInput } from './input-spec.ts';
import type { PredictBody } from './predict-body.ts';
import { readTime } from './reading.ts';
import type { Drop, Reading } from './reading.ts';
import { idText } from './scan-id.ts';
import type { RawRecord } from './source.ts';
import { responseOfTensors, rowsOfTensors } from './tensor-events.ts';
import { fault, isFault, printValue } from './tensor-rows.ts';
import type { Fault } from './tensor-rows.ts';

/** A body that was read, with what came beside it. */
export interface PredictEvent {
  readonly body: PredictBody;
  readonly record: RawRecord;
  readonly identity: EventIdentity;
  readonly positionId: string;
  /** The event's own time, RFC 3339, where the transport gives none. */
  readonly time?: string | undefined;
}

/** Decoder options with the pre-processing made ready. */
export interface PredictOptions extends FormatOptions {
  readonly compiled: CompiledInput;
}

/** The event that a predict body is: a request with its rows, a response with its scores, or both. */
export function eventOfPredict(predict: PredictEvent, options: PredictOptions): Reading {
  const { body, record } = predict;
  const foreign = foreignModel(body.model, options);
  if (foreign !== undefined) return foreign;
  const eventId = eventIdOf(predict);
  if (typeof eventId !== 'string') return eventId;
  const eventTimeMs = readTime(record, predict.time, 'time');
  if (typeof eventTimeMs !== 'number') return eventTimeMs;
  const { compiled: input, classes, maxRowsPerEvent: limit, tensors } = options;
  const rows =
    body.inputs === undefined
      ? undefined
      : rowsOfTensors(body.inputs, { input, name: tensors?.input, limit });
  if (rows !== undefined && isFault(rows)) return rows;
  const response =
    body.outputs === undefined
      ? undefined
      : responseOfTensors(body.outputs, { classes, name: tensors?.output, limit });
  if (response !== undefined && isFault(response)) return response;
  return {
    eventId,
    eventTimeMs,
    model: options.model,
    rowsBeyondLimit: rows?.beyond ?? 0,
    ...(rows === undefined ? {} : { rows: rows.rows }),
    ...(response === undefined
      ? {}
      : { response: body.version === undefined ? response : { ...response, version: body.version } }),
  };
}

/** Drops what names another model. @param name undefined or empty: not named, so taken for ours */
export function foreignModel(
  name: string | undefined,
  { model, service = model }: Pick<FormatOptions, 'model' | 'service'>,
): Drop | undefined {
  if (name === undefined || name === '' || name === service) return undefined;
  return {
    drop: 'unknown_model',
    detail: `model: expected ${printValue(service)}, got ${printValue(name)}`,
  };
}

/** The id that was sampled by is the id; the body's own stands in, and the position for a request without any. */
function eventIdOf({ body, identity, positionId }: PredictEvent): string | Fault {
  if (identity.kind === 'id') return identity.id;
  if (body.id !== undefined && body.id !== '')
    return idText(body.id) ?? fault('bad_id', 'id', 'a text of 1 to 512 bytes', printValue(body.id));
  if (identity.kind === 'unclear') return fault('bad_id', 'id', 'a text of 1 to 512 bytes', 'something else');
  if (body.inputs !== undefined) return positionId;
  return fault('missing_id', 'id', 'an id that names the request', 'nothing');
}
