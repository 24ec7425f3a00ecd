/** One HTTP exchange with a model server: time limit, retries where they are safe, circuit breaker, and what counts as which error. */
import { AppError, toError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { parseErrorBody } from '../protocols/tf-serving-status.ts';
import type { CircuitBreaker, Ending } from './circuit-breaker.ts';
import { throwIfAborted, type Sleep } from './served-rate.ts';

export interface ExchangeSettings {
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly breaker: CircuitBreaker;
  readonly sleep: Sleep;
  readonly logger: Logger;
}

export interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Waits before each attempt until the rate limit lets it pass. */
  wait?(): Promise<void>;
  /** Called as each attempt is sent: counts it, and gives the headers that only this attempt has. */
  sent?(): Readonly<Record<string, string>>;
}

export interface ExchangeAnswer {
  readonly body: string;
  readonly headers: Headers;
}

/** An answer larger than this is not a prediction. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A gateway's answers, and "not now": the model did not see the request, or is overwhelmed. */
const UNWELL_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** The server says itself that it did not process the request. */
const UNPROCESSED_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/**
 * Sends a request and returns the body of a successful answer.
 *
 * A request is sent again only when the server surely did not process it (connection refused, 429, 503), because a
 * prediction costs money and may have side effects; a GET is sent again after any failure that may pass.
 *
 * @throws {AppError} TEMPER_TARGET_UNREACHABLE (retryable: timeout, refused, reset, 429, 502–504; counted by the breaker)
 *   | TEMPER_TARGET_REJECTED (any other error status, in `details.status`) | TEMPER_TARGET_CIRCUIT_OPEN | TEMPER_INTERRUPTED
 */
export async function exchange(settings: ExchangeSettings, request: Exchange): Promise<ExchangeAnswer> {
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

async function attemptOnce(settings: ExchangeSettings, request: Exchange): Promise<ExchangeAnswer> {
  throwIfAborted(request.signal);
  // Whoever is refused anyway does not queue for the rate limit first.
  if (settings.breaker.state() !== 'open') await request.wait?.();
  const settle = settings.breaker.enter();
  const extra = request.sent?.() ?? {};
  // An attempt that its caller abandons must not keep a half-open breaker waiting for it.
  let ending: Ending = 'neutral';
  try {
    const response = await send(request, extra, settings.timeoutMs);
    if (response.status >= 200 && response.status < 300) {
      ending = 'success';
      return { body: response.body, headers: response.headers };
    }
    const error = refusalOf(request.url, response);
    ending =
      error.code === 'TEMPER_TARGET_UNREACHABLE' ? 'failure' : response.status < 500 ? 'success' : 'neutral';
    throw error;
  } catch (caught) {
    if (caught instanceof AppError) throw caught;
    throwIfAborted(request.signal);
    ending = 'failure';
    throw unreachable(request.url, caught, settings.timeoutMs);
  } finally {
    settle(ending);
  }
}

interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

async function send(
  { method, url, body, headers, signal }: Exchange,
  extra: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Received> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...extra, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: await readBounded(response) };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const body = response.body as AsyncIterable<Uint8Array> | null;
  if (body === null) return '';
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES)
      throw new AppError(
        'TEMPER_TARGET_MALFORMED',
        `${response.url}: expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got more`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(url: string, { status, headers, body }: Received): AppError {
  const sentence = parseErrorBody(body);
  if (UNWELL_STATUSES.has(status))
    return new AppError(
      'TEMPER_TARGET_UNREACHABLE',
      `${url}: expected an answer of the model, got HTTP ${status}: ${sentence}`,
      { retryable: true, details: { url, status, retryAfterMs: retryAfterMs(headers) } },
    );
  return new AppError(
    'TEMPER_TARGET_REJECTED',
    `${url}: the served model answered HTTP ${status}: ${sentence}`,
    {
      details: { url, status },
    },
  );
}

function unreachable(url: string, caught: unknown, timeoutMs: number): AppError {
  const reason = failureCode(caught);
  const what =
    reason === 'timeout' ? `no answer within ${timeoutMs} ms` : `${toError(caught).message} (${reason})`;
  return new AppError(
    'TEMPER_TARGET_UNREACHABLE',
    `${url}: expected an answer of the model, got ${what}. Check that the server runs and that the URL is right.`,
    { retryable: true, details: { url, reason }, cause: caught },
  );
}

/** `timeout`, the system's code (`ECONNREFUSED`), or `unknown`. fetch hides the code in a chain of causes. */
function failureCode(caught: unknown): string {
  let error = caught as
    { name?: unknown; code?: unknown; cause?: unknown; errors?: unknown } | null | undefined;
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth++) {
    if (error.name === 'TimeoutError') return 'timeout';
    if (typeof error.code === 'string') return error.code;
    const [first] = Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
    error = (error.cause ?? first) as typeof error;
  }
  return 'unknown';
}

function mayRepeat(caught: unknown, { method, signal }: Exchange): boolean {
  if (!(caught instanceof AppError) || caught.code !== 'TEMPER_TARGET_UNREACHABLE') return false;
  if (signal?.aborted === true) return false;
  if (method === 'GET') return true;
  const { status, reason } = caught.details;
  return reason === 'ECONNREFUSED' || (typeof status === 'number' && UNPROCESSED_STATUSES.has(status));
}

/** What the server asked for, at most the time limit of a request; else doubling pauses. */
function delayOf(caught: unknown, { retryDelayMs, timeoutMs }: ExchangeSettings, attempt: number): number {
  const asked = caught instanceof AppError ? caught.details.retryAfterMs : undefined;
  if (typeof asked === 'number') return Math.min(asked, timeoutMs);
  return retryDelayMs * 2 ** attempt;
}

function retryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
