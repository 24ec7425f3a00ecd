/** TensorFlow Serving's REST protocol. */
import {
  parseModelMetadata,
  parseModelStatus,
  type ModelMetadata,
} from '../../protocols/tf-serving-status.ts';
import { encodeRowRequest, parsePredictAnswer } from '../../protocols/tf-serving.ts';
import type { ServedConfig } from '../config.ts';
import { createHttpConnection, type HttpAnswer } from '../served-http.ts';
import { decodedAnswer, tagHeaders, VERSION_HEADER } from './answers.ts';
import type { RunExchange, ServedDescription, ServedPort, Wire } from './wire.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

export function createTfServingWire(
  config: ServedConfig,
  inputShape: readonly number[],
  run: RunExchange,
): Wire {
  const connection = createHttpConnection(config);
  const base = `${config.url.replace(/\/+$/, '')}/v1/models/${encodeURIComponent(config.model)}`;
  const model = config.version === undefined ? base : `${base}/versions/${config.version}`;
  const url = `${model}:predict`;
  const naming = {
    ...(config.input === undefined ? {} : { name: config.input }),
    ...(config.signature === undefined ? {} : { signatureName: config.signature }),
  };
  const get = (where: string): Promise<HttpAnswer> =>
    run({ url: where, rows: 0, send: (signal) => connection.ask({ method: 'GET', url: where, signal }) });
  return {
    url,
    status: async () => decodedAnswer(model, parseModelStatus((await get(model)).body)),
    async describe() {
      const where = `${model}/metadata`;
      const metadata = decodedAnswer(where, parseModelMetadata((await get(where)).body));
      return descriptionOf(metadata, config.signature);
    },
    // JSON carries every float32 to the last bit.
    input: () => Promise.resolve({ datatype: 'FP32' }),
    async predict({ inputs, rows, signal, tag }) {
      const body = encodeRowRequest(inputs, inputShape, naming);
      const answer = await run({
        url,
        rows,
        signal,
        send: (until) =>
          connection.ask({
            method: 'POST',
            url,
            body,
            signal: until,
            headers: { ...JSON_TYPE, ...tagHeaders(tag()) },
          }),
      });
      const { outputs } = decodedAnswer(url, parsePredictAnswer(answer.body));
      return { outputs, version: answer.header(VERSION_HEADER) ?? config.version };
    },
    close: () => connection.close(),
  };
}

/** The signature that is called; without a name the default one, or the only one. */
function descriptionOf({ name, version, signatures }: ModelMetadata, wanted?: string): ServedDescription {
  const called = signatures[wanted ?? 'serving_default'] ?? Object.values(signatures)[0];
  const ports = (infos: object = {}): ServedPort[] =>
    Object.entries(infos as Record<string, { dtype: string; shape: readonly number[] | undefined }>).map(
      ([port, { dtype, shape }]) => ({ name: port, datatype: dtype, shape }),
    );
  return {
    name,
    versions: version === '' ? [] : [version],
    inputs: ports(called?.inputs),
    outputs: ports(called?.outputs),
  };
}
