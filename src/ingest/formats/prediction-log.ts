import { parsePredictionLog } from '../../protocols/prediction-log.ts';
import type { PredictionLog } from '../../protocols/prediction-log.ts';
import type { EventFormat } from '../event-format.ts';
import { DEFAULT_BODY_BYTES } from '../format-options.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import { malformed } from '../predict-body.ts';
import type { PredictBody } from '../predict-body.ts';
import { eventOfPredict } from '../predict-event.ts';
import { createFormat, identifyByHeader, identifyByKey, openBody } from '../reading.ts';
import { isFault } from '../tensor-rows.ts';

const OPEN_BRACE = 0x7b;

/**
 * TensorFlow Serving's request logging: one PredictionLog per record, the request and its answer together. It has no id of
 * its own; a header or the key may bring one, otherwise the position is the id, and no label can be joined.
 */
export function createPredictionLog(options: FormatOptions): EventFormat {
  const { idHeader = 'x-request-id', maxBodyBytes = DEFAULT_BODY_BYTES } = options;
  const withInput = { ...options, compiled: compileInput(options.input) };
  const names = [idHeader];
  return createFormat({
    identify(record) {
      const byHeader = identifyByHeader(record, names);
      return byHeader.kind === 'none' ? identifyByKey(record) : byHeader;
    },
    read(record, identity, positionId) {
      const bytes = openBody(record.value, maxBodyBytes);
      if (isFault(bytes)) return bytes;
      // A message cannot begin like this: the tag would be of a group.
      if (bytes[0] === OPEN_BRACE) return { redirect: 'json-events', why: 'plain_json' };
      const log = parsePredictionLog(bytes);
      if (!log.ok) return malformed('malformed_body', log.problem);
      const { timeMs } = log.value;
      const timed = record.timeMs === undefined && timeMs !== undefined ? { ...record, timeMs } : record;
      return eventOfPredict({ body: bodyOf(log.value), record: timed, identity, positionId }, withInput);
    },
  });
}

function bodyOf({ modelName, modelVersion, inputs, outputs }: PredictionLog): PredictBody {
  return {
    ...(modelName === undefined ? {} : { model: modelName }),
    ...(modelVersion === undefined ? {} : { version: modelVersion }),
    inputs,
    ...(outputs === undefined ? {} : { outputs }),
  };
}
