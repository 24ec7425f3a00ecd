import { parseLenientJson } from '../protocols/lenient-json.ts';
import type { DecodedEvent, EventFormat, EventIdentity, EventResponse } from './event-format.ts';
import type { FormatOptions } from './format-options.ts';
import { compileInput } from './input-spec.ts';
import type { CompiledInput } from './input-spec.ts';
import { createFormat, isDrop, readTime } from './reading.ts';
import type { Drop } from './reading.ts';
import { idText, scanTopLevelId } from './scan-id.ts';
import type { RawRecord } from './source.ts';
import { fault, isFault, printValue, readInputRow, readScores } from './tensor-rows.ts';
import type { Fault } from './tensor-rows.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * Plain JSON events, one object per record:
 *   request   {"id", "time", "model"?, "instances": [input, …]} or {"inputs": [input, …]} or {"inputs": {"name": [input, …]}}
 *   label     {"id", "time", "label": 3, "row"?: 0} or {"id", "time", "labels": [3, …]}
 *   response  {"id", "time", "predictions": [[…], …], "version"?} or {"outputs": …} likewise
 * One object may hold several of them. `time` is RFC 3339 and may be left out where the transport gives a time. Only a
 * request may lack an id: it then has the position as its id.
 */
export function createJsonEventFormat(options: FormatOptions): EventFormat {
  const input = compileInput(options.input);
  return createFormat({
    identify: ({ value }) => scanTopLevelId(value),
    read(record, identity, positionId) {
      const parsed = parseLenientJson(record.value);
      if (!parsed.ok) return { reason: 'malformed_json', detail: `record: ${parsed.problem.message}` };
      if (!isObject(parsed.value)) {
        const got = printValue(parsed.value);
        return fault('unrecognised_event', 'record', 'an object with a request, label or response', got);
      }
      return readEvent(parsed.value, record, identity, { ...options, input, positionId });
    },
  });
}

interface ReadOptions extends Omit<FormatOptions, 'input'> {
  readonly input: CompiledInput;
  readonly positionId: string;
}

function readEvent(
  body: Body,
  record: RawRecord,
  identity: EventIdentity,
  options: ReadOptions,
): DecodedEvent | Fault | Drop {
  const { model, positionId } = options;
  const place = body['instances'] === undefined ? 'inputs' : 'instances';
  const inputs = body[place];
  const predictions = body['predictions'] ?? body['outputs'];
  const hasLabels = body['label'] !== undefined || body['labels'] !== undefined;
  if (inputs === undefined && predictions === undefined && !hasLabels)
    return fault(
      'unrecognised_event',
      'event',
      'instances, inputs, label, labels or predictions',
      'none of them',
    );
  if (body['model'] !== undefined && body['model'] !== model)
    return {
      drop: 'unknown_model',
      detail: `model: expected ${printValue(model)}, got ${printValue(body['model'])}`,
    };
  const eventId = readId(body, identity, inputs === undefined ? undefined : positionId);
  if (typeof eventId !== 'string') return eventId;
  const eventTimeMs = readTime(record, body['time'], 'time');
  if (typeof eventTimeMs !== 'number') return eventTimeMs;
  const requests = inputs === undefined ? undefined : readRows(inputs, place, options);
  if (requests !== undefined && isFault(requests)) return requests;
  const labels = hasLabels ? readLabels(body, options) : undefined;
  if (labels !== undefined && (isDrop(labels) || isFault(labels))) return labels;
  const response = predictions === undefined ? undefined : readResponse(body, predictions, options);
  if (response !== undefined && isFault(response)) return response;
  return {
    eventId,
    eventTimeMs,
    model,
    rowsBeyondLimit: requests?.beyond ?? 0,
    ...(requests === undefined ? {} : { rows: requests.rows }),
    ...(labels === undefined ? {} : { labels }),
    ...(response === undefined ? {} : { response }),
  };
}

/** The id that was scanned is the id, so that sampling and joining agree; a parsed one only stands in. */
function readId(body: Body, identity: EventIdentity, substitute: string | undefined): string | Fault {
  if (identity.kind === 'id') return identity.id;
  const own = body['id'];
  if (own === undefined || own === null)
    return (
      substitute ?? fault('missing_id', 'id', 'a text or a number that names the event', printValue(own))
    );
  return idText(own) ?? fault('bad_id', 'id', 'a text of 1 to 512 bytes or a number', printValue(own));
}

interface Rows {
  readonly rows: Float32Array[];
  readonly beyond: number;
}

function readRows(inputs: unknown, name: string, options: ReadOptions): Rows | Fault {
  const { value, place } = onlyMember(inputs, name);
  if (!Array.isArray(value) || value.length === 0)
    return fault('wrong_shape', place, 'a list of at least one input', printValue(value));
  const rows: Float32Array[] = [];
  const count = Math.min(value.length, options.maxRowsPerEvent);
  for (let i = 0; i < count; i++) {
    const row = readInputRow(value[i], options.input, `${place}[${i}]`);
    if (isFault(row)) return row;
    rows.push(row);
  }
  return { rows, beyond: value.length - count };
}

type Labels = NonNullable<DecodedEvent['labels']>;

function readLabels(body: Body, { classes, maxRowsPerEvent }: ReadOptions): Labels | Fault | Drop {
  if (body['labels'] === undefined) {
    const row = body['row'] ?? 0;
    if (typeof row !== 'number' || !Number.isInteger(row) || row < 0)
      return fault('bad_label', 'row', 'a whole number from 0', printValue(row));
    const label = readLabel(body['label'], classes, 'label');
    if (typeof label !== 'number') return label;
    if (row >= maxRowsPerEvent)
      return { drop: 'too_many_rows', detail: `row: expected a row below ${maxRowsPerEvent}, got ${row}` };
    return [{ row, label }];
  }
  const given = body['labels'];
  if (!Array.isArray(given) || given.length === 0)
    return fault('bad_label', 'labels', 'a list of at least one class', printValue(given));
  const labels: { row: number; label: number }[] = [];
  for (let row = 0; row < Math.min(given.length, maxRowsPerEvent); row++) {
    const label = readLabel(given[row], classes, `labels[${row}]`);
    if (typeof label !== 'number') return label;
    labels.push({ row, label });
  }
  return labels;
}

export function readLabel(value: unknown, classes: number, place: string): number | Fault {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < classes) return value;
  return fault('bad_label', place, `a class, 0 to ${classes - 1}`, printValue(value));
}

function readResponse(body: Body, predictions: unknown, options: ReadOptions): EventResponse | Fault {
  const { value, place } = onlyMember(
    predictions,
    body['predictions'] === undefined ? 'outputs' : 'predictions',
  );
  if (!Array.isArray(value) || value.length === 0)
    return fault('wrong_shape', place, 'a list of at least one prediction', printValue(value));
  const scores: Float32Array[] = [];
  for (let i = 0; i < Math.min(value.length, options.maxRowsPerEvent); i++) {
    const row = readScores(value[i], options.classes, `${place}[${i}]`);
    if (isFault(row)) return row;
    scores.push(row);
  }
  const version = body['version'];
  const isVersion = typeof version === 'string' || typeof version === 'number';
  return { scores, ...(isVersion ? { version: String(version) } : {}) };
}

/** Columnar bodies name their tensors; one that has a single tensor needs no mapping. */
function onlyMember(value: unknown, place: string): { readonly value: unknown; readonly place: string } {
  if (!isObject(value)) return { value, place };
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0) return { value, place };
  return { value: value[name], place: `${place}.${name.slice(0, 40)}` };
}

function isObject(value: unknown): value is Body {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
