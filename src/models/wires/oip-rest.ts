/** The Open Inference Protocol v2 over REST, with JSON or binary tensors. */
import { hasCode } from '../../domain/errors.ts';
import { parseLenientJson } from '../../protocols/lenient-json.ts';
import { parseOipModelMetadata, parseOipServerMetadata } from '../../protocols/oip-status.ts';
import {
  encodeOipRequest,
  OIP_BINARY_TYPE,
  OIP_HEADER_LENGTH,
  parseOipAnswer,
  type OipForm,
  type OipRequest,
} from '../../protocols/oip.ts';
import { isObject } from '../../protocols/tensor.ts';
import type { ServedConfig } from '../config.ts';
import { createHttpConnection, type HttpAnswer, type HttpConnection } from '../served-http.ts';
import { decodedAnswer, tagHeaders } from './answers.ts';
import { remembered } from './remembered.ts';
import { oipInputOf, oipTensorOf, statusesOf, wireAnswerOf } from './oip-tensors.ts';
import type { RunExchange, ServedDescription, Wire } from './wire.ts';

/** What a server calls the binary tensor extension. */
const BINARY_EXTENSION = 'binary_tensor_data';

export function createOipRestWire(
  config: ServedConfig,
  inputShape: readonly number[],
  run: RunExchange,
): Wire {
  const connection = createHttpConnection(config);
  const ask = createAsk(connection, run);
  const server = config.url.replace(/\/+$/, '');
  const base = `${server}/v2/models/${encodeURIComponent(config.model)}`;
  const model = config.version === undefined ? base : `${base}/versions/${config.version}`;
  const url = `${model}/infer`;
  let answered: string | undefined;
  const describe = async (): Promise<ServedDescription> => {
    const { body } = await ask(model);
    const metadata = decodedAnswer(model, parseOipModelMetadata(body));
    const maxBatch = await maxBatchOf(`${model}/config`, ask);
    return { ...metadata, ...(maxBatch === undefined ? {} : { maxBatch }) };
  };
  const input = remembered(async () => oipInputOf(await describe(), config, inputShape));
  const form = remembered((): Promise<OipForm> => formOf(config.tensors, `${server}/v2`, ask));
  return {
    url,
    describe,
    input: () => input.get(),
    async status() {
      const { versions } = decodedAnswer(model, parseOipModelMetadata((await ask(model)).body));
      const isReady = await isAnswered(() => ask(`${model}/ready`));
      if (config.version !== undefined) return statusesOf([config.version], isReady);
      return statusesOf(versions.length > 0 ? versions : [answered ?? config.assumedVersion], isReady);
    },
    async predict({ inputs, rows, signal, tag }) {
      const [port, how] = [await input.get(), await form.get()];
      try {
        const answer = await run({
          url,
          rows,
          signal,
          send: (until) => {
            const marked = tag();
            const request = requestOf(config, oipTensorOf(inputs, rows, port), { tag: marked, form: how });
            const { bytes, headerLength } = encodeOipRequest(request, how);
            const headers = { ...tagHeaders(marked), ...bodyHeaders(headerLength) };
            return connection.ask({ method: 'POST', url, body: bytes, headers, signal: until });
          },
        });
        const read = decodedAnswer(url, parseOipAnswer(answer.body, headerLengthOf(answer)));
        answered = wireAnswerOf(read).version ?? answered;
        return { ...wireAnswerOf(read), version: wireAnswerOf(read).version ?? config.version };
      } catch (caught) {
        // It may have become another model: what was known of it is asked again.
        input.forget();
        throw caught;
      }
    },
    close: () => connection.close(),
  };
}

type Ask = (url: string) => Promise<HttpAnswer>;

function createAsk(connection: HttpConnection, run: RunExchange): Ask {
  return (url) => run({ url, rows: 0, send: (signal) => connection.ask({ method: 'GET', url, signal }) });
}

function requestOf(
  { output }: ServedConfig,
  tensor: OipRequest['inputs'][number],
  { tag, form }: { readonly tag: string | undefined; readonly form: OipForm },
): OipRequest {
  return {
    // KServe refuses binary requests without an id.
    id: tag ?? '1',
    ...(tag === undefined ? {} : { parameters: { temper_probe: tag } }),
    inputs: [tensor],
    ...(output === undefined ? {} : { outputs: [output] }),
    binaryOutputs: form === 'binary',
  };
}

function bodyHeaders(headerLength: number | undefined): Record<string, string> {
  if (headerLength === undefined) return { 'content-type': 'application/json' };
  return { 'content-type': OIP_BINARY_TYPE, [OIP_HEADER_LENGTH]: `${headerLength}` };
}

function headerLengthOf(answer: HttpAnswer): number | undefined {
  const length = answer.header(OIP_HEADER_LENGTH);
  return length === undefined ? undefined : Number(length);
}

/** Binary where the server says that it knows how: MLServer answers 500 to it, and does not list it. */
async function formOf(tensors: ServedConfig['tensors'], url: string, ask: Ask): Promise<OipForm> {
  if (tensors !== 'auto') return tensors;
  const metadata = parseOipServerMetadata((await ask(url)).body);
  return metadata.ok && metadata.value.extensions.includes(BINARY_EXTENSION) ? 'binary' : 'json';
}

/** Triton tells the largest batch in its model configuration, which is no part of the protocol; other servers have none. */
async function maxBatchOf(url: string, ask: Ask): Promise<number | undefined> {
  let answer: HttpAnswer;
  try {
    answer = await ask(url);
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_TARGET_REJECTED')) return undefined;
    throw caught;
  }
  const config = parseLenientJson(answer.body);
  const limit = config.ok && isObject(config.value) ? config.value.max_batch_size : undefined;
  return typeof limit === 'number' && limit > 0 ? limit : undefined;
}

async function isAnswered(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_TARGET_REJECTED')) return false;
    throw caught;
  }
}
