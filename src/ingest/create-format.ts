import type { DecodeResult, EventFormat, EventFormatName } from './event-format.ts';
import type { FormatOptions } from './format-options.ts';
import { createJsonMapped } from './formats/json-mapped.ts';
import { createKserve } from './formats/kserve.ts';
import { createMlserver } from './formats/mlserver.ts';
import { createPredictBodies } from './formats/predict-bodies.ts';
import { createPredictionLog } from './formats/prediction-log.ts';
import { createSeldon } from './formats/seldon.ts';
import { createJsonEventFormat } from './json-events.ts';

/** Every decoder. A new one is a file of its own and a line here and in EVENT_FORMAT_NAMES. */
const FORMATS: Readonly<Record<EventFormatName, (options: FormatOptions) => EventFormat>> = {
  'json-events': createJsonEventFormat,
  'json-mapped': createJsonMapped,
  'predict-bodies': createPredictBodies,
  kserve: createKserve,
  mlserver: createMlserver,
  seldon: createSeldon,
  'prediction-log': createPredictionLog,
};

/**
 * The decoder of that name, with its redirects followed: a record that another decoder reads is given to that one, once.
 * @throws {AppError} TEMPER_CONFIG_INVALID when pre-processing or mapping do not fit
 */
export function createEventFormat(name: EventFormatName, options: FormatOptions): EventFormat {
  const format = FORMATS[name](options);
  const others = new Map<EventFormatName, EventFormat>();
  const other = (to: EventFormatName): EventFormat => {
    const known = others.get(to) ?? FORMATS[to](options);
    others.set(to, known);
    return known;
  };
  return {
    identify: (record) => format.identify(record),
    decode(record, identity, positionId): DecodeResult {
      const result = format.decode(record, identity, positionId);
      if (result.kind !== 'redirect') return result;
      const target = other(result.to);
      const again = target.decode(record, target.identify(record), positionId);
      return again.kind === 'ok'
        ? { kind: 'ok', event: { ...again.event, redirected: result.reason } }
        : again;
    },
  };
}
