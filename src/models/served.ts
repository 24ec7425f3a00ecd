/** The deployed model, whatever protocol it is served by: predictions within a rate and a time limit, checked and counted. */
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { featureCount, type ScoreTarget } from '../domain/target.ts';
import type { VersionStatus } from '../protocols/tf-serving-status.ts';
import { createCircuitBreaker, type BreakerState } from './circuit-breaker.ts';
import type { ServedConfig } from './config.ts';
import { createLoadGuard, type LoadGuardState } from './load-guard.ts';
import { makeTag } from './probe-tag.ts';
import { exchange } from './served-exchange.ts';
import { createRateLimit, systemSleep, type Sleep } from './served-rate.ts';
import { scoresOf } from './served-scores.ts';
import { createOipGrpcWire } from './wires/oip-grpc.ts';
import { createOipRestWire } from './wires/oip-rest.ts';
import { asSent } from './wires/oip-tensors.ts';
import { createTfServingWire } from './wires/tf-serving.ts';
import type { RunExchange, ServedDescription, Wire } from './wires/wire.ts';

export interface ServedOptions {
  readonly config: ServedConfig;
  /** Shape of one example, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Secret under which requests are tagged as probes; absent: they are not. */
  readonly probeKey?: string;
  /** Called right before rows are sent; what it throws keeps them from being sent. */
  readonly permit?: () => void;
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
  /** Requests sent for predictions. */
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
  /** What the server reports of the model's inputs and outputs. */
  describe(): Promise<ServedDescription>;
  /**
   * Inputs as the server gets them: what its datatype cannot say is lost on the way (a server that takes bytes gets whole
   * numbers). Float32 comes back as it is.
   */
  asSent(inputs: Float32Array): Promise<Float32Array>;
  /** Scores of `count` rows, shape [count, classes]; inputs shape [count, features], finite. In parts of `maxBatch` rows at most. */
  predict(inputs: Float32Array, count: number, options?: PredictOptions): Promise<Float32Array>;
  /** Like predict, with the version that answered. */
  answer(inputs: Float32Array, count: number, options?: PredictOptions): Promise<ServedAnswer>;
  counters(): ServedCounters;
  breakerState(): BreakerState;
  loadState(): LoadGuardState;
  /** To be called when a canary failed after an error 500: then the server is unwell, not the input. */
  reportFailure(): void;
  /** Closes the connections that are kept; asking again opens new ones. */
  close(): void;
}

/**
 * Errors of every request: TEMPER_TARGET_UNREACHABLE (timeout, refused, reset, 429, 502–504), TEMPER_TARGET_REJECTED
 * (any other error answer; `details.status`), TEMPER_TARGET_MALFORMED, TEMPER_TARGET_CIRCUIT_OPEN,
 * TEMPER_TARGET_PAUSED, TEMPER_INTERRUPTED.
 */
export function createServedModel(options: ServedOptions): ServedModel {
  const { config, inputShape, classes, clock } = options;
  const client = createClient(options);
  const { wire, guard } = client;
  const features = featureCount(inputShape);
  let served: string | undefined;
  const noticeVersion = (version: string | undefined): void => {
    if (version !== undefined && served !== undefined && version !== served) guard.reset();
    served = version ?? served;
  };
  const answer: ServedModel['answer'] = async (inputs, count, { signal } = {}) => {
    checkInputs(inputs, count, features);
    const scores = new Float32Array(count * classes);
    const versions = new Set<string | undefined>();
    let from = 0;
    while (from < count) {
      const limit = await client.maxBatch();
      const rows = Math.min(guard.rows(limit), count - from);
      const part = inputs.subarray(from * features, (from + rows) * features);
      const { outputs, version } = await client.predict(part, rows, signal);
      scores.set(scoresOf(outputs, { ...config, url: wire.url, count: rows, classes }), from * classes);
      versions.add(version);
      noticeVersion(version);
      from += rows;
    }
    return { scores, version: versions.size === 1 ? [...versions][0] : undefined };
  };
  return {
    inputShape,
    classes,
    status: async () => ({ versions: await wire.status() }),
    describe: () => wire.describe(),
    asSent: async (inputs) => asSent(inputs, (await wire.input()).datatype),
    predict: async (inputs, count, predictOptions) => (await answer(inputs, count, predictOptions)).scores,
    answer,
    counters: () => client.counters(),
    breakerState: () => client.breaker.state(),
    loadState: () => guard.state(),
    reportFailure() {
      client.breaker.recordFailure();
      options.logger.warn({ url: wire.url, atMs: clock.nowMs() }, 'served_model_canary_failed');
    },
    close: () => wire.close(),
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

const WIRES = {
  'tf-serving': createTfServingWire,
  'oip-rest': createOipRestWire,
  'oip-grpc': createOipGrpcWire,
} as const;

/** The wire with everything that stands between it and the server: rate, breaker, guard, tag, switch and counters. */
function createClient(options: ServedOptions) {
  const { config, inputShape, clock, logger, probeKey, sleep = systemSleep } = options;
  const breaker = createCircuitBreaker(config.breaker, clock);
  const guard = createLoadGuard({ config: config.loadGuard, clock, logger, sleep });
  const limit = createRateLimit({
    perMinute: config.queriesPerMinute,
    burst: Math.max(config.maxBatch, Math.ceil(config.queriesPerMinute / 60)),
    clock,
    sleep,
  });
  const counters = { queries: 0, requests: 0, failures: 0 };
  const run: RunExchange = (request) => {
    const { rows, signal } = request;
    const isQuestion = rows === 0;
    return exchange(
      { ...config, breaker, guard, sleep, logger },
      {
        ...request,
        isRepeatable: isQuestion,
        wait: isQuestion ? () => Promise.resolve() : () => limit.take(rows, signal),
        sent() {
          if (isQuestion) return;
          options.permit?.();
          counters.queries += rows;
          counters.requests += 1;
        },
      },
    );
  };
  const wire: Wire = WIRES[config.protocol](config, inputShape, run);
  const tag = (): string | undefined =>
    probeKey === undefined ? undefined : makeTag(probeKey, clock.nowMs());
  return {
    wire,
    breaker,
    guard,
    counters: (): ServedCounters => ({ ...counters }),
    async maxBatch() {
      return Math.min(config.maxBatch, (await wire.input()).maxBatch ?? Infinity);
    },
    async predict(inputs: Float32Array, rows: number, signal: AbortSignal | undefined) {
      try {
        return await wire.predict({ inputs, rows, signal, tag });
      } catch (caught) {
        counters.failures += 1;
        throw caught;
      }
    },
  };
}

function checkInputs(inputs: Float32Array, count: number, features: number): void {
  if (inputs.length === count * features) return;
  throw new AppError(
    'TEMPER_ATTACK_SHAPE',
    `expected ${count} rows of ${features} features (${count * features} values) for the served model, got ${inputs.length} values`,
  );
}
