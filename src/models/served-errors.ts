/** What went wrong with a model server, as one of few errors, whatever protocol it speaks. */
import { AppError, toError } from '../domain/errors.ts';
import { parseErrorBody } from '../protocols/tf-serving-status.ts';

/** A gateway's answers, and "not now": the model did not see the request, or is overwhelmed. */
const UNWELL_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface Refusal {
  readonly url: string;
  /** HTTP status, or the one that belongs to a gRPC code. */
  readonly status: number;
  /** The status in the words of the protocol, e.g. `HTTP 503`. */
  readonly shown: string;
  readonly body: string | Uint8Array;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

/** The error for an answer that is none: UNREACHABLE when the server is unwell, REJECTED when it refuses what was asked. */
export function refusalOf({ url, status, shown, body, retryAfterMs }: Refusal): AppError {
  const sentence = parseErrorBody(body);
  if (UNWELL_STATUSES.has(status))
    return new AppError(
      'TEMPER_TARGET_UNREACHABLE',
      `${url}: expected an answer of the model, got ${shown}: ${sentence}`,
      { retryable: true, details: { url, status, retryAfterMs } },
    );
  return new AppError('TEMPER_TARGET_REJECTED', `${url}: the served model answered ${shown}: ${sentence}`, {
    details: { url, status },
  });
}

/** The error for no answer at all. */
export function unreachable(url: string, caught: unknown, timeoutMs: number): AppError {
  const reason = failureCode(caught);
  const what =
    reason === 'timeout' ? `no answer within ${timeoutMs} ms` : `${toError(caught).message} (${reason})`;
  return new AppError(
    'TEMPER_TARGET_UNREACHABLE',
    `${url}: expected an answer of the model, got ${what}. Check that the server runs and that the URL is right.`,
    { retryable: true, details: { url, reason }, cause: caught },
  );
}

export function malformedAnswer(url: string, what: string): AppError {
  return new AppError('TEMPER_TARGET_MALFORMED', `${url}: ${what}`, { details: { url } });
}

/** `timeout`, the system's code (`ECONNREFUSED`), or `unknown`. The code may be in a chain of causes. */
function failureCode(caught: unknown): string {
  let error = caught as
    { name?: unknown; code?: unknown; cause?: unknown; errors?: unknown } | null | undefined;
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth++) {
    if (error.name === 'TimeoutError') return 'timeout';
    const [first] = Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
    if (typeof error.code === 'string' && error.code !== 'ABORT_ERR') return error.code;
    error = (error.cause ?? first) as typeof error;
  }
  return 'unknown';
}
