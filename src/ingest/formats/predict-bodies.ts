import type { EventFormat, EventIdentity } from '../event-format.ts';
import { DEFAULT_BODY_BYTES } from '../format-options.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import { readPredictBody } from '../predict-body.ts';
import { eventOfPredict } from '../predict-event.ts';
import { createFormat, identifyByHeader, identifyByKey, isEnd, openBody } from '../reading.ts';
import { scanTopLevelId } from '../scan-id.ts';
import type { RawRecord } from '../source.ts';
import { isFault } from '../tensor-rows.ts';

const GZIP_FIRST = 0x1f;

/**
 * Bodies of predict calls as a proxy logs them, requests and answers alike: TensorFlow Serving and V1 (rows, named rows,
 * columns, base64), and OIP v2 (JSON and raw tensors). The id is in a header, else the record's key, else the body's `id`.
 */
export function createPredictBodies(options: FormatOptions): EventFormat {
  const { idHeader = 'x-request-id', maxBodyBytes = DEFAULT_BODY_BYTES } = options;
  const withInput = { ...options, compiled: compileInput(options.input) };
  const names = [idHeader];
  return createFormat({
    identify: (record) => firstIdentity(identifyByHeader(record, names), record),
    read(record, identity, positionId) {
      const bytes = openBody(record.value, maxBodyBytes);
      if (isFault(bytes)) return bytes;
      const body = readPredictBody(bytes);
      if (isEnd(body)) return body;
      return eventOfPredict({ body, record, identity, positionId }, withInput);
    },
  });
}

/** What the header says, else the key, else the body. */
function firstIdentity(byHeader: EventIdentity, record: RawRecord): EventIdentity {
  return byHeader.kind === 'none' ? identifyByKeyOrBody(record) : byHeader;
}

/** The record's key, else the body's `id`, where the body can be looked into as it is. */
export function identifyByKeyOrBody(record: RawRecord): EventIdentity {
  const byKey = identifyByKey(record);
  if (byKey.kind !== 'none') return byKey;
  return record.value[0] === GZIP_FIRST ? { kind: 'unclear' } : scanTopLevelId(record.value);
}
