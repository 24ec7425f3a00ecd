import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toError } from '../../domain/errors.ts';

export interface WaitOptions {
  /** What is waited for, as the end of "waited for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs?: number;
  /** Rejects when something that is needed has ended. */
  readonly ended?: readonly Promise<never>[];
}

/** Asks again and again until the answer is not undefined. A question that throws is asked again, unless it threw an AppError that no retry can mend. */
export async function until<T>(ask: () => Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const { what, timeoutMs, everyMs = 100, ended = [] } = options;
  const deadline = performance.now() + timeoutMs;
  let lastFailure = '';
  while (performance.now() < deadline) {
    const answer = await Promise.race([askOnce(ask), ...ended]);
    if (answer.value !== undefined) return answer.value;
    lastFailure = answer.failure ?? lastFailure;
    await Promise.race([sleep(everyMs), ...ended]);
  }
  const reason = lastFailure === '' ? '' : `; the last question failed: ${lastFailure}`;
  throw new AppError('TEMPER_STAGE_FAILED', `waited ${timeoutMs / 1000} s for ${what}${reason}`);
}

async function askOnce<T>(
  ask: () => Promise<T | undefined>,
): Promise<{ value: T | undefined; failure?: string }> {
  try {
    return { value: await ask() };
  } catch (caught) {
    if (caught instanceof AppError && !caught.retryable) throw caught;
    return { value: undefined, failure: toError(caught).message };
  }
}
