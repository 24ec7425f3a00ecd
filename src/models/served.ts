/** The deployed model, over TensorFlow Serving's REST protocol: predictions within a rate and a time limit, checked and counted. */
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { featureCount, type ScoreTarget } from '../domain/target.ts';
import { parseModelMetadata, parseModelStatus } from '../protocols/tf-serving-status.ts';
import type { ModelMetadata, VersionStatus } from '../protocols/tf-serving-status.ts';
import { encodeRowRequest } from '../protocols/tf-serving.ts';
import { createCircuitBreaker, type BreakerState } from './circuit-breaker.ts';
import type { ServedConfig } from './config.ts';
import { makeTag, PROBE_TAG_HEADER } from './probe-tag.ts';
import { exchange, type Exchange, type ExchangeAnswer } from './served-http.ts';
import { createRateLimit, systemSleep, type Sleep } from './served-rate.ts';
import { scoresOf } from './served-scores.ts';

/** Header in which a server may say which version answered; ours does, TensorFlow Serving does not. */
export const VERSION_HEADER = 'x-temper-model-version';

export interface ServedOptions {
  readonly config: ServedConfig;
  /** Shape of one example, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Secret under which requests are tagged as probes; absent: they are not. */
  readonly probeKey?: string;
  readonly sleep?: Sleep;
}

export interface ServedAnswer {
  /** Shape [count, classes]: logits or log-probabilities. */
  readonly scores: Float32Array;
  /** The version that answered; undefined when the server does not say, or when parts were answered by different ones. */
  readonly version: string | undefined;
}

export interface ServedCounters {
  /** Rows sent, repeated attempts included. */
  readonly queries: number;
  /** HTTP requests sent for predictions. */
  readonly requests: number;
  /** Requests that failed for good, after their retries. */
  readonly failures: number;
}

export interface PredictOptions {
  readonly signal?: AbortSignal;
}

export interface ServedModel {
  readonly inputShape: readonly number[];
  readonly classes: number;
  status(): Promise<{ readonly versions: readonly VersionStatus[] }>;
  metadata(): Promise<ModelMetadata>;
  /** Scores of `count` rows, shape [count, classes]; inputs shape [count, features], finite. In parts of `maxBatch` rows. */
  predict(inputs: Float32Array, count: number, options?: PredictOptions): Promise<Float32Array>;
  /** Like predict, with the version that answered. */
  answer(inputs: Float32Array, count: number, options?: PredictOptions): Promise<ServedAnswer>;
  counters(): ServedCounters;
  breakerState(): BreakerState;
  /** To be called when a canary failed after an error 500: then the server is unwell, not the input. */
  reportFailure(): void;
}

/**
 * Errors of every request: TEMPER_TARGET_UNREACHABLE (timeout, refused, reset, 429, 502–504), TEMPER_TARGET_REJECTED
 * (any other error answer; `details.status`), TEMPER_TARGET_MALFORMED, TEMPER_TARGET_CIRCUIT_OPEN, TEMPER_INTERRUPTED.
 */
export function createServedModel(options: ServedOptions): ServedModel {
  const { config, inputShape, classes, clock } = options;
  const client = createClient(options);
  const features = featureCount(inputShape);
  const answer: ServedModel['answer'] = async (inputs, count, { signal } = {}) => {
    checkInputs(inputs, count, features);
    const scores = new Float32Array(count * classes);
    const versions = new Set<string | undefined>();
    for (let from = 0; from < count; from += config.maxBatch) {
      const rows = Math.min(config.maxBatch, count - from);
      const part = inputs.subarray(from * features, (from + rows) * features);
      const { body, headers } = await client.predict(part, rows, signal);
      scores.set(
        scoresOf(body, { ...config, url: client.url, output: config.output, count: rows, classes }),
        from * classes,
      );
      versions.add(headers.get(VERSION_HEADER) ?? config.version);
    }
    return { scores, version: versions.size === 1 ? [...versions][0] : undefined };
  };
  return {
    inputShape,
    classes,
    status: async () => ({ versions: decode(await client.get(''), parseModelStatus) }),
    metadata: async () => decode(await client.get('/metadata'), parseModelMetadata),
    predict: async (inputs, count, predictOptions) => (await answer(inputs, count, predictOptions)).scores,
    answer,
    counters: () => client.counters(),
    breakerState: () => client.breaker.state(),
    reportFailure() {
      client.breaker.recordFailure();
      options.logger.warn({ url: client.url, atMs: clock.nowMs() }, 'served_model_canary_failed');
    },
  };
}

/** A served model as black-box attacks see it. */
export function servedTarget(served: ServedModel, options?: PredictOptions): ScoreTarget {
  return {
    inputShape: served.inputShape,
    classes: served.classes,
    scores: ({ inputs, count }) => served.predict(inputs, count, options),
  };
}

interface Client {
  readonly url: string;
  readonly breaker: ReturnType<typeof createCircuitBreaker>;
  predict(inputs: Float32Array, rows: number, signal: AbortSignal | undefined): Promise<ExchangeAnswer>;
  get(path: string): Promise<{ readonly url: string; readonly body: string }>;
  counters(): ServedCounters;
}

function createClient({
  config,
  inputShape,
  clock,
  logger,
  probeKey,
  sleep = systemSleep,
}: ServedOptions): Client {
  const breaker = createCircuitBreaker(config.breaker, clock);
  const limit = createRateLimit({
    perMinute: config.queriesPerMinute,
    burst: Math.max(config.maxBatch, Math.ceil(config.queriesPerMinute / 60)),
    clock,
    sleep,
  });
  const base = `${config.url.replace(/\/+$/, '')}/v1/models/${encodeURIComponent(config.model)}`;
  const model = config.version === undefined ? base : `${base}/versions/${config.version}`;
  const counters = { queries: 0, requests: 0, failures: 0 };
  const naming = {
    ...(config.input === undefined ? {} : { name: config.input }),
    ...(config.signature === undefined ? {} : { signatureName: config.signature }),
  };
  const run = (request: Exchange): Promise<ExchangeAnswer> =>
    exchange({ ...config, breaker, sleep, logger }, request);
  return {
    url: `${model}:predict`,
    breaker,
    counters: () => ({ ...counters }),
    async predict(inputs, rows, signal) {
      const wait = (): Promise<void> => limit.take(rows, signal);
      const sent = (): Record<string, string> => {
        counters.queries += rows;
        counters.requests += 1;
        return probeKey === undefined ? {} : { [PROBE_TAG_HEADER]: makeTag(probeKey, clock.nowMs()) };
      };
      const body = encodeRowRequest(inputs, inputShape, naming);
      try {
        return await run({
          method: 'POST',
          url: `${model}:predict`,
          headers: config.headers,
          body,
          signal,
          wait,
          sent,
        });
      } catch (caught) {
        counters.failures += 1;
        throw caught;
      }
    },
    async get(path) {
      const url = model + path;
      const { body } = await run({ method: 'GET', url, headers: config.headers });
      return { url, body };
    },
  };
}

function decode<T>(
  { url, body }: { readonly url: string; readonly body: string },
  parse: (body: string) => { ok: true; value: T } | { ok: false; problem: { message: string } },
): T {
  const parsed = parse(body);
  if (parsed.ok) return parsed.value;
  throw new AppError('TEMPER_TARGET_MALFORMED', `${url}: ${parsed.problem.message}`, { details: { url } });
}

function checkInputs(inputs: Float32Array, count: number, features: number): void {
  if (inputs.length === count * features) return;
  throw new AppError(
    'TEMPER_ATTACK_SHAPE',
    `expected ${count} rows of ${features} features (${count * features} values) for the served model, got ${inputs.length} values`,
  );
}
