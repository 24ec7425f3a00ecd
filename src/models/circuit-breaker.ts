import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { BreakerConfig } from './config.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** How a request ended: `neutral` says nothing about whether the server is well (an error 500 may be our own bad input). */
export type Ending = 'success' | 'failure' | 'neutral';

/**
 * Leaves a failing server alone. Closed: requests pass; so many failures in a row open it. Open: nothing passes until
 * the pause is over. Half open: one request tries; success closes, failure opens again for twice the pause.
 */
export interface CircuitBreaker {
  state(): BreakerState;
  /**
   * Asks to send a request, and returns how to say how it ended.
   * @throws {AppError} TEMPER_TARGET_CIRCUIT_OPEN (retryable), with `retryAtMs` in its details
   */
  enter(): (ending: Ending) => void;
  /** Counts a failure that was recognised later: a canary that also got an error 500. */
  recordFailure(): void;
}

export function createCircuitBreaker(config: BreakerConfig, clock: Clock): CircuitBreaker {
  let failures = 0;
  let pauseMs = config.openMs;
  /** Undefined while closed. */
  let openUntilMs: number | undefined;
  let trying = false;

  const open = (): void => {
    openUntilMs = clock.nowMs() + pauseMs;
    pauseMs = Math.max(config.openMs, Math.min(2 * pauseMs, config.maxOpenMs));
    trying = false;
  };
  const close = (): void => {
    openUntilMs = undefined;
    failures = 0;
    pauseMs = config.openMs;
    trying = false;
  };
  const countFailure = (): void => {
    failures += 1;
    if (failures >= config.failures) open();
  };
  const settleTry = (ending: Ending): void => {
    if (ending === 'success') close();
    else if (ending === 'failure') open();
    else trying = false;
  };
  const settleOrdinary = (ending: Ending): void => {
    // What was sent before it opened says nothing new.
    if (openUntilMs !== undefined) return;
    if (ending === 'success') failures = 0;
    else if (ending === 'failure') countFailure();
  };
  const state = (): BreakerState => {
    if (openUntilMs === undefined) return 'closed';
    return clock.nowMs() < openUntilMs ? 'open' : 'half_open';
  };
  return {
    state,
    enter() {
      if (state() === 'closed') return settleOrdinary;
      if (state() === 'open' || trying) throw circuitOpen(openUntilMs ?? 0, failures);
      trying = true;
      return settleTry;
    },
    recordFailure() {
      if (state() === 'closed') countFailure();
      else if (state() === 'half_open') open();
    },
  };
}

function circuitOpen(retryAtMs: number, failures: number): AppError {
  return new AppError(
    'TEMPER_TARGET_CIRCUIT_OPEN',
    `the served model failed ${failures} times in a row and is left alone until ${new Date(retryAtMs).toISOString()}. ` +
      'Check that it runs and answers; probing resumes by itself.',
    { retryable: true, details: { retryAtMs, failures } },
  );
}
