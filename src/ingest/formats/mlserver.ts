import { headerText } from '../../protocols/cloudevents.ts';
import type { EventFormat } from '../event-format.ts';
import { DEFAULT_BODY_BYTES } from '../format-options.ts';
import type { FormatOptions } from '../format-options.ts';
import { compileInput } from '../input-spec.ts';
import { readPredictBody } from '../predict-body.ts';
import { eventOfPredict, foreignModel } from '../predict-event.ts';
import { createFormat, isEnd, openBody } from '../reading.ts';
import { isFault } from '../tensor-rows.ts';
import { identifyByKeyOrBody } from './predict-bodies.ts';

const MODEL_HEADER = 'mlserver-model';
const VERSION_HEADER = 'mlserver-version';

/**
 * MLServer's own topics (`mlserver-input`, `mlserver-output`): OIP v2 as JSON. The record's key goes before the body's
 * `id`, as it does in MLServer, which answers under the same key. Requests name their model in a header, answers in the body.
 */
export function createMlserver(options: FormatOptions): EventFormat {
  const { maxBodyBytes = DEFAULT_BODY_BYTES } = options;
  const withInput = { ...options, compiled: compileInput(options.input) };
  return createFormat({
    identify: identifyByKeyOrBody,
    read(record, identity, positionId) {
      const foreign = foreignModel(headerText(record.headers, MODEL_HEADER), options);
      if (foreign !== undefined) return foreign;
      const bytes = openBody(record.value, maxBodyBytes);
      if (isFault(bytes)) return bytes;
      const body = readPredictBody(bytes);
      if (isEnd(body)) return body;
      const version = body.version ?? headerText(record.headers, VERSION_HEADER);
      const withVersion = version === undefined ? body : { ...body, version };
      return eventOfPredict({ body: withVersion, record, identity, positionId }, withInput);
    },
  });
}
