import { AppError } from '../../domain/errors.ts';
import { parseLenientJson } from '../../protocols/lenient-json.ts';
import type { EventFormat, EventIdentity, EventResponse } from '../event-format.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import type { CompiledInput } from '../input-spec.ts';
import { parseJsonPath, valueAt } from '../mapping.ts';
import type { EventMapping, JsonPath } from '../mapping.ts';
import { foreignModel } from '../predict-event.ts';
import { createFormat, identifyByHeader, readTime } from '../reading.ts';
import type { Reading } from '../reading.ts';
import { createIdScanner, idText } from '../scan-id.ts';
import type { RawRecord } from '../source.ts';
import { fault, isFault, printValue, readInputRow, readScores } from '../tensor-rows.ts';
import type { Fault } from '../tensor-rows.ts';

type Part = 'input' | 'id' | 'prediction' | 'label' | 'time' | 'model' | 'version';
const PARTS: readonly Part[] = ['input', 'id', 'prediction', 'label', 'time', 'model', 'version'];

interface Mapped {
  readonly paths: ReadonlyMap<Part, JsonPath>;
  readonly mapping: EventMapping;
  readonly options: FormatOptions;
  readonly input: CompiledInput;
}

/**
 * JSON of any design: a mapping says where input, id, prediction, label, time, model and version stand. A prediction is a
 * class or a list of scores; events with a label or a prediction alone are joined to their sample by id.
 * @throws {AppError} TEMPER_CONFIG_INVALID when the mapping is missing or has no valid path to an input or a label
 */
export function createJsonMapped(options: FormatOptions): EventFormat {
  const mapped = compileMapping(options);
  const identify = createIdentify(mapped);
  return createFormat({
    identify,
    read(record, identity, positionId) {
      const parsed = parseLenientJson(record.value);
      if (!parsed.ok) return { reason: 'malformed_json', detail: `record: ${parsed.problem.message}` };
      return readMapped({ document: parsed.value, record, identity, positionId }, mapped);
    },
  });
}

function compileMapping(options: FormatOptions): Mapped {
  const { mapping } = options;
  if (mapping === undefined)
    throw new AppError(
      'TEMPER_CONFIG_INVALID',
      'stream.mapping: expected paths for json-mapped, got nothing',
    );
  const paths = new Map<Part, JsonPath>();
  for (const part of PARTS) {
    const text = mapping[part];
    if (text === undefined) continue;
    const path = parseJsonPath(text);
    if (path === undefined)
      throw new AppError(
        'TEMPER_CONFIG_INVALID',
        `stream.mapping.${part}: expected a path like payload.features[0], got ${printValue(text)}`,
      );
    paths.set(part, path);
  }
  return { paths, mapping, options, input: compileInput(options.input) };
}

/** Without parsing where the id has a path of names; an index in it needs the parsed document. */
function createIdentify({ paths, options }: Mapped): (record: RawRecord) => EventIdentity {
  const { idHeader } = options;
  const path = paths.get('id');
  const scan = path === undefined ? undefined : createIdScanner(path);
  const isScannable = path?.every((name) => !/^\d+$/.test(name)) === true;
  return (record) => {
    const byHeader: EventIdentity =
      idHeader === undefined ? { kind: 'none' } : identifyByHeader(record, [idHeader]);
    if (byHeader.kind !== 'none' || scan === undefined) return byHeader;
    return isScannable ? scan(record.value) : { kind: 'unclear' };
  };
}

interface Found {
  readonly document: unknown;
  readonly record: RawRecord;
  readonly identity: EventIdentity;
  readonly positionId: string;
}

function readMapped(found: Found, mapped: Mapped): Reading {
  const part = (name: Part): unknown => {
    const path = mapped.paths.get(name);
    return path === undefined ? undefined : valueAt(found.document, path);
  };
  const [input, prediction, label] = [part('input'), part('prediction'), part('label')];
  if (input === undefined && prediction === undefined && label === undefined)
    return fault(
      'unrecognised_event',
      'event',
      'an input, a prediction or a label at their paths',
      'none of them',
    );
  const model = part('model');
  const foreign = foreignModel(typeof model === 'string' ? model : undefined, mapped.options);
  if (foreign !== undefined) return foreign;
  const eventId = readId(part('id'), found, input !== undefined);
  if (typeof eventId !== 'string') return eventId;
  const eventTimeMs = readMappedTime(part('time'), found.record, mapped.mapping);
  if (typeof eventTimeMs !== 'number') return eventTimeMs;
  const rows = input === undefined ? undefined : readRows(input, mapped);
  if (rows !== undefined && isFault(rows)) return rows;
  const labels = label === undefined ? undefined : readClasses(label, mapped, 'label');
  if (labels !== undefined && isFault(labels)) return labels;
  const response = prediction === undefined ? undefined : readPrediction(prediction, part('version'), mapped);
  if (response !== undefined && isFault(response)) return response;
  return {
    eventId,
    eventTimeMs,
    model: mapped.options.model,
    rowsBeyondLimit: rows?.beyond ?? 0,
    ...(rows === undefined ? {} : { rows: rows.rows }),
    ...(labels === undefined ? {} : { labels: labels.map((value, row) => ({ row, label: value })) }),
    ...(response === undefined ? {} : { response }),
  };
}

function readId(own: unknown, { identity, positionId }: Found, isRequest: boolean): string | Fault {
  if (identity.kind === 'id') return identity.id;
  if (own === undefined)
    return isRequest ? positionId : fault('missing_id', 'id', 'an id at its path', 'nothing');
  return idText(own) ?? fault('bad_id', 'id', 'a text of 1 to 512 bytes or a number', printValue(own));
}

function readMappedTime(own: unknown, record: RawRecord, { timeUnit = 'ms' }: EventMapping): number | Fault {
  if (record.timeMs !== undefined || typeof own !== 'number') return readTime(record, own, 'time');
  const timeMs = Math.floor(own * (timeUnit === 's' ? 1000 : 1));
  return timeMs >= 0 && timeMs <= LAST_TIME_MS
    ? timeMs
    : fault('bad_time', 'time', `${timeUnit} since 1970`, printValue(own));
}

/** The end of the year 9999: later times have no RFC 3339 form. */
const LAST_TIME_MS = 253_402_300_799_999;

/** Entries of a batch, cut at the limit; or the one value. */
function entriesOf(value: unknown, { mapping, options }: Mapped, place: string): Entries | Fault {
  if (mapping.batch !== true) return { entries: [value], beyond: 0 };
  if (!Array.isArray(value) || value.length === 0)
    return fault('wrong_shape', place, 'a list with an entry per row', printValue(value));
  const kept = Math.min(value.length, options.maxRowsPerEvent);
  return { entries: value.slice(0, kept), beyond: value.length - kept };
}

interface Entries {
  readonly entries: readonly unknown[];
  readonly beyond: number;
}

function readRows(value: unknown, mapped: Mapped): { rows: Float32Array[]; beyond: number } | Fault {
  const found = entriesOf(value, mapped, 'input');
  if (isFault(found)) return found;
  const rows: Float32Array[] = [];
  for (const [i, entry] of found.entries.entries()) {
    const row = readInputRow(entry, mapped.input, mapped.mapping.batch === true ? `input[${i}]` : 'input');
    if (isFault(row)) return row;
    rows.push(row);
  }
  return { rows, beyond: found.beyond };
}

function readClasses(value: unknown, mapped: Mapped, place: 'label' | 'prediction'): number[] | Fault {
  const found = entriesOf(value, mapped, place);
  if (isFault(found)) return found;
  const { classes } = mapped.options;
  const bad = found.entries.findIndex((entry) => !isClass(entry, classes));
  if (bad < 0) return found.entries as number[];
  const reason = place === 'label' ? 'bad_label' : 'bad_prediction';
  return fault(reason, place, `a class, 0 to ${classes - 1}`, printValue(found.entries[bad]));
}

function isClass(value: unknown, classes: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < classes;
}

function readPrediction(value: unknown, version: unknown, mapped: Mapped): EventResponse | Fault {
  const found = entriesOf(value, mapped, 'prediction');
  if (isFault(found)) return found;
  const named =
    typeof version === 'string' || typeof version === 'number' ? { version: String(version) } : {};
  if (!Array.isArray(found.entries[0])) {
    const classes = readClasses(value, mapped, 'prediction');
    return isFault(classes) ? classes : { classes, ...named };
  }
  const scores: Float32Array[] = [];
  for (const entry of found.entries) {
    const row = readScores(entry, mapped.options.classes, 'prediction');
    if (isFault(row)) return row;
    scores.push(row);
  }
  return { scores, ...named };
}
