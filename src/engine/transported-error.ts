import { AppError, ERROR_CODES, toError, type ErrorCode } from '../domain/errors.ts';
import type { TransportedError } from './pool-messages.ts';

/** Turns what a task threw into plain data. */
export function packError(caught: unknown): TransportedError {
  const error = toError(caught);
  const { code } = error as { code?: unknown };
  return {
    message: error.message,
    stack: error.stack,
    code: typeof code === 'string' ? code : undefined,
    retryable: caught instanceof AppError && caught.retryable,
  };
}

/**
 * The error on the other side. One of ours keeps its code, because callers branch on codes wherever the work ran; any other
 * becomes TEMPER_ENGINE_TASK_FAILED. `cause` has the original message, code and stack.
 */
export function unpackError(error: TransportedError, task: string): AppError {
  const { message, stack, code, retryable } = error;
  const cause: Error & { code?: string } = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  if (code !== undefined) cause.code = code;
  if (isOurs(code)) return new AppError(code, message, { cause, retryable });
  return new AppError('TEMPER_ENGINE_TASK_FAILED', `task ${task} failed in a compute worker: ${message}`, {
    cause,
    retryable,
  });
}

function isOurs(code: string | undefined): code is ErrorCode {
  return code !== undefined && code in ERROR_CODES;
}
