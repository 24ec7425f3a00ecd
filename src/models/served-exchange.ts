/** One exchange with a model server, whatever it speaks: time limit, retries where they are safe, circuit breaker, load guard. */
import { AppError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { CircuitBreaker, Ending } from './circuit-breaker.ts';
import type { LoadGuard } from './load-guard.ts';
import { throwIfAborted, type Sleep } from './served-rate.ts';

export interface ExchangeSettings {
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly breaker: CircuitBreaker;
  readonly guard: LoadGuard;
  readonly sleep: Sleep;
  readonly logger: Logger;
}

export interface Exchange<T> {
  /** For messages and logs. */
  readonly url: string;
  /** Whether asking twice is as good as asking once: questions about the server are, predictions are not. */
  readonly isRepeatable: boolean;
  /** Rows that are to be predicted; 0 for a question about the server, which the load guard lets through. */
  readonly rows: number;
  readonly signal?: AbortSignal | undefined;
  /** Waits before each attempt until the rate limit lets it pass. */
  wait?(): Promise<void>;
  /** Called as each attempt is sent. */
  sent?(): void;
  /** Sends and reads. What it throws is classified by `served-errors.ts`. */
  send(signal: AbortSignal | undefined): Promise<T>;
}

/** The server says itself that it did not process the request. */
const UNPROCESSED_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/**
 * Sends a request and returns its successful answer.
 *
 * A request is sent again only when the server surely did not process it (connection refused, 429, 503), because a
 * prediction costs money and may have side effects; a question about the server is sent again after any failure that may
 * pass.
 *
 * @throws {AppError} TEMPER_TARGET_UNREACHABLE (retryable: timeout, refused, reset, 429, 502–504; counted by the breaker)
 *   | TEMPER_TARGET_REJECTED (any other error status, in `details.status`) | TEMPER_TARGET_CIRCUIT_OPEN
 *   | TEMPER_TARGET_PAUSED | TEMPER_INTERRUPTED
 */
export async function exchange<T>(settings: ExchangeSettings, request: Exchange<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await attemptOnce(settings, request);
    } catch (caught) {
      if (attempt >= settings.retries || !mayRepeat(caught, request)) throw caught;
      const delayMs = delayOf(caught, settings, attempt);
      settings.logger.debug({ url: request.url, attempt, delayMs, err: caught }, 'served_model_retry');
      await settings.sleep(delayMs, request.signal).catch(() => {
        throwIfAborted(request.signal);
      });
    }
  }
}

async function attemptOnce<T>(settings: ExchangeSettings, request: Exchange<T>): Promise<T> {
  const { breaker, guard } = settings;
  throwIfAborted(request.signal);
  // Whoever is refused anyway does not queue for the rate limit first.
  if (breaker.state() !== 'open') await request.wait?.();
  const pass = request.rows === 0 ? undefined : await guard.enter(request.rows, request.signal);
  // An attempt that its caller abandons must not keep a half-open breaker waiting for it.
  let ending: Ending = 'neutral';
  try {
    const settle = breaker.enter();
    try {
      request.sent?.();
      const answer = await request.send(request.signal);
      ending = 'success';
      return answer;
    } catch (caught) {
      throwIfAborted(request.signal);
      ending = endingOf(caught);
      throw caught;
    } finally {
      settle(ending);
    }
  } finally {
    pass?.(ending);
  }
}

/** An error 500 may be our own bad input: the caller finds out with an input that is known to be good. */
function endingOf(caught: unknown): Ending {
  if (!(caught instanceof AppError)) return 'neutral';
  if (caught.code === 'TEMPER_TARGET_UNREACHABLE') return 'failure';
  // It answered, if not with what was expected.
  if (caught.code === 'TEMPER_TARGET_MALFORMED') return 'success';
  const { status } = caught.details;
  return typeof status === 'number' && status < 500 ? 'success' : 'neutral';
}

function mayRepeat(
  caught: unknown,
  { isRepeatable, signal }: Pick<Exchange<unknown>, 'isRepeatable' | 'signal'>,
): boolean {
  if (!(caught instanceof AppError) || caught.code !== 'TEMPER_TARGET_UNREACHABLE') return false;
  if (signal?.aborted === true) return false;
  if (isRepeatable) return true;
  const { status, reason } = caught.details;
  return reason === 'ECONNREFUSED' || (typeof status === 'number' && UNPROCESSED_STATUSES.has(status));
}

/** What the server asked for, at most the time limit of a request; else doubling pauses. */
function delayOf(caught: unknown, { retryDelayMs, timeoutMs }: ExchangeSettings, attempt: number): number {
  const asked = caught instanceof AppError ? caught.details['retryAfterMs'] : undefined;
  if (typeof asked === 'number') return Math.min(asked, timeoutMs);
  return retryDelayMs * 2 ** attempt;
}
