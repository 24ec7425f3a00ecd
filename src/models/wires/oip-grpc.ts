/** The Open Inference Protocol v2 over gRPC. */
import { hasCode } from '../../domain/errors.ts';
import { decodedAnswer, tagHeaders } from './answers.ts';
import {
  decodeInferResponse,
  decodeOipMessage,
  encodeInferRequest,
  encodeOipMessage,
  type OipMethod,
} from '../../protocols/oip-grpc.ts';
import type { ServedConfig } from '../config.ts';
import { createGrpcConnection } from '../served-grpc.ts';
import { oipInputOf, oipTensorOf, statusesOf, wireAnswerOf } from './oip-tensors.ts';
import { remembered } from './remembered.ts';
import type { RunExchange, ServedDescription, Wire } from './wire.ts';

type Message = Readonly<Record<string, unknown>>;

export function createOipGrpcWire(
  config: ServedConfig,
  inputShape: readonly number[],
  run: RunExchange,
): Wire {
  const connection = createGrpcConnection(config);
  const name = { name: config.model, version: config.version ?? '' };
  const urlOf = (method: OipMethod): string => `${config.url}/${method}(${config.model})`;
  const ask = async (method: OipMethod, message: object): Promise<Message> => {
    const url = urlOf(method);
    const request = encodeOipMessage(`${method}Request`, message);
    const bytes = await run({
      url,
      rows: 0,
      send: (signal) => connection.call({ method, request, url, signal }),
    });
    return decodedAnswer(url, decodeOipMessage(`${method}Response`, bytes));
  };
  let answered: string | undefined;
  const describe = async (): Promise<ServedDescription> => {
    // As the message's definition says.
    const metadata = (await ask('ModelMetadata', name)) as unknown as ServedDescription;
    const maxBatch = await maxBatchOf(() => ask('ModelConfig', name));
    return { ...metadata, ...(maxBatch === undefined ? {} : { maxBatch }) };
  };
  const input = remembered(async () => oipInputOf(await describe(), config, inputShape));
  const url = urlOf('ModelInfer');
  return {
    url,
    describe,
    input: () => input.get(),
    async status() {
      const { versions } = (await ask('ModelMetadata', name)) as unknown as ServedDescription;
      const { ready } = await ask('ModelReady', name);
      if (config.version !== undefined) return statusesOf([config.version], ready === true);
      return statusesOf(versions.length > 0 ? versions : [answered ?? config.assumedVersion], ready === true);
    },
    async predict({ inputs, rows, signal, tag }) {
      const port = await input.get();
      try {
        const bytes = await run({
          url,
          rows,
          signal,
          send: (until) => {
            const marked = tag();
            const request = encodeInferRequest({
              modelName: config.model,
              ...(config.version === undefined ? {} : { modelVersion: config.version }),
              request: {
                id: marked ?? '1',
                ...(marked === undefined ? {} : { parameters: { temper_probe: marked } }),
                inputs: [oipTensorOf(inputs, rows, port)],
                ...(config.output === undefined ? {} : { outputs: [config.output] }),
              },
            });
            return connection.call({
              method: 'ModelInfer',
              request,
              url,
              signal: until,
              metadata: tagHeaders(marked),
            });
          },
        });
        const answer = wireAnswerOf(decodedAnswer(url, decodeInferResponse(bytes)));
        answered = answer.version ?? answered;
        return { ...answer, version: answer.version ?? config.version };
      } catch (caught) {
        input.forget();
        throw caught;
      }
    },
    close: () => connection.close(),
  };
}

/** Only Triton has this method; the others say that they do not know it. */
async function maxBatchOf(ask: () => Promise<Message>): Promise<number | undefined> {
  try {
    const { config } = await ask();
    const limit = (config as { max_batch_size?: unknown } | null)?.max_batch_size;
    return typeof limit === 'number' && limit > 0 ? limit : undefined;
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_TARGET_REJECTED')) return undefined;
    throw caught;
  }
}
