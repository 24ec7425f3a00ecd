import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';

/** Waits; rejects when the signal aborts. A dependency, so that tests need no real time. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export const systemSleep: Sleep = async (ms, signal) => {
  await sleepFor(ms, undefined, signal === undefined ? {} : { signal });
};

/** A token bucket: whoever asks for too much waits, in the order of asking. */
export interface RateLimit {
  /** @throws {AppError} TEMPER_INTERRUPTED when the signal aborts while waiting; nothing is then taken */
  take(count: number, signal?: AbortSignal): Promise<void>;
}

export interface RateLimitOptions {
  readonly perMinute: number;
  /** Tokens that may gather while nothing is asked; also what is there at the start. */
  readonly burst: number;
  readonly clock: Clock;
  readonly sleep?: Sleep;
}

/**
 * Tokens flow in at perMinute / 60,000 per millisecond up to `burst`. A request for more than `burst` waits for a full
 * bucket and then leaves a debt, so the long-run rate holds for any batch size.
 */
export function createRateLimit({
  perMinute,
  burst,
  clock,
  sleep = systemSleep,
}: RateLimitOptions): RateLimit {
  const perMs = perMinute / 60_000;
  let tokens = burst;
  let filledAtMs = clock.nowMs();
  let last: Promise<void> = Promise.resolve();
  const refill = (): void => {
    const nowMs = clock.nowMs();
    // A clock that is set back must not drain the bucket.
    tokens = Math.min(burst, tokens + Math.max(0, nowMs - filledAtMs) * perMs);
    filledAtMs = nowMs;
  };
  const takeInTurn = async (count: number, signal?: AbortSignal): Promise<void> => {
    const needed = Math.min(count, burst);
    refill();
    while (tokens < needed) {
      throwIfAborted(signal);
      await sleep(Math.ceil((needed - tokens) / perMs), signal).catch(() => {
        throwIfAborted(signal);
      });
      refill();
    }
    throwIfAborted(signal);
    tokens -= count;
  };
  return {
    take(count, signal) {
      const mine = last.then(() => takeInTurn(count, signal));
      // The queue goes on behind a request that gave up.
      last = mine.catch(() => undefined);
      return signal === undefined ? mine : orAborted(mine, signal);
    },
  };
}

/** @throws {AppError} TEMPER_INTERRUPTED */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new AppError('TEMPER_INTERRUPTED', 'the request to the served model was abandoned by its caller', {
    cause: signal.reason,
  });
}

/** Gives up at once when the signal aborts, also while somebody else's turn lasts. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) resolve();
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
  throwIfAborted(signal);
  await work;
}
