import { setTimeout as sleep } from 'node:timers/promises';

import { AppError, toError } from '../domain/errors.ts';
import { createRng } from '../domain/rng.ts';

/** Waits, or returns early when the signal aborts. Never rejects. */
export type Wait = (delayMs: number, signal: AbortSignal) => Promise<void>;

export const realWait: Wait = async (delayMs, signal) => {
  // The only rejection of a sleep is its abort, which is what the caller asked for.
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
};

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly wait: Wait;
  /** First and longest delay, ms. Each attempt doubles the delay up to the longest. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Names the stream of jitter, so that two processes do not retry in step. */
  readonly identity: readonly (string | number)[];
  onRetry(error: Error, attempt: number): void;
}

/**
 * Does the work until it succeeds: a retryable AppError waits (doubling, times a jitter in [0.5, 1)) and tries again,
 * for as long as the signal lets it; any other error is thrown at once. After an abort the last error is thrown.
 */
export async function withRetry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const rng = createRng('retry', ...options.identity);
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (caught) {
      const error = toError(caught);
      if (!(error instanceof AppError && error.retryable) || options.signal.aborted) throw error;
      options.onRetry(error, attempt);
      const ceilingMs = Math.min(options.longestDelayMs, options.firstDelayMs * 2 ** (attempt - 1));
      await options.wait(ceilingMs * (0.5 + 0.5 * rng.uniform()), options.signal);
      if (isAborted(options.signal)) throw error;
    }
  }
}

/** A call, because the compiler believes that a signal that was not aborted before a wait is not aborted after it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
