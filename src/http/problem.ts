import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';

import { AppError, toError } from '../domain/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';

/** What is wrong with a request itself. The rest of the codes are those of AppError. */
export type RequestProblem =
  'bad_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'too_large' | 'internal' | 'unavailable';

const STATUS_OF_PROBLEM: Readonly<Record<RequestProblem, number>> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  too_large: 413,
  internal: 500,
  unavailable: 503,
};

/** Thrown when a request cannot be answered for a reason of its own. The message is fixed text, never what was sent. */
export class HttpProblem extends Error {
  readonly code: RequestProblem;

  constructor(code: RequestProblem, message: string) {
    super(message);
    this.name = 'HttpProblem';
    this.code = code;
  }
}

/** Answers every request that no route took. */
export const notFound: RequestHandler = () => {
  throw new HttpProblem('not_found', 'there is nothing under this method and path');
};

/**
 * Answers errors as {"error": {"code", "message", "requestId"}}. Only fixed texts and messages of our own refusals leave
 * the process; everything else is logged under the request's id.
 */
export function createErrorHandler(logger: Logger): ErrorRequestHandler {
  // Express recognises an error handler by its four parameters.
  return (caught: unknown, _request: Request, response: Response, next) => {
    const problem = problemOf(caught);
    if (problem.status >= 500)
      logger.error({ err: toError(caught), requestId: requestIdOf(response) }, 'request_failed');
    if (response.headersSent) {
      next(caught);
      return;
    }
    const { code, message, status } = problem;
    response.status(status).json({ error: { code, message, requestId: requestIdOf(response) } });
  };
}

export function requestIdOf({ locals }: Response): string {
  return String(locals['requestId']);
}

interface Problem {
  readonly code: RequestProblem | ErrorCode;
  readonly message: string;
  readonly status: number;
}

function problemOf(caught: unknown): Problem {
  if (caught instanceof HttpProblem)
    return { code: caught.code, message: caught.message, status: STATUS_OF_PROBLEM[caught.code] };
  if (caught instanceof AppError) return problemOfAppError(caught);
  switch (bodyParserType(caught)) {
    case 'entity.too.large':
      return { code: 'too_large', message: 'expected a smaller body', status: 413 };
    case undefined:
      return {
        code: 'internal',
        message: 'something went wrong; the log has it under this request id',
        status: 500,
      };
    default:
      return { code: 'bad_request', message: 'expected a body that is JSON', status: 400 };
  }
}

/** A refusal by policy is explained; what is away for now says so; the rest stays in the log. */
function problemOfAppError({ code, message, retryable }: AppError): Problem {
  if (code === 'TEMPER_POLICY_REFUSED') return { code, message, status: 409 };
  if (retryable)
    return {
      code,
      message: 'something that Temper depends on does not answer; try again later',
      status: 503,
    };
  return {
    code,
    message: 'Temper could not do this; the log has the reason under this request id',
    status: 500,
  };
}

/** Body-parser marks its errors with a type and a status below 500; a malformed URL has only the status. */
function bodyParserType(caught: unknown): string | undefined {
  if (caught === null || typeof caught !== 'object') return undefined;
  if ('type' in caught && typeof caught.type === 'string') return caught.type;
  const isClientsFault = 'status' in caught && typeof caught.status === 'number' && caught.status < 500;
  return isClientsFault ? 'malformed' : undefined;
}
