import { AppError, ERROR_CODES } from '../domain/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';
import { printLine, styled } from './output.ts';
import type { Output } from './output.ts';

/** What a person can do now. Codes without an entry say it in their message. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  TEMPER_CONFIG_INVALID: 'Mend the lines above; `temper config check` lists them again.',
  TEMPER_USAGE: 'Add --help to the command to see what it takes.',
  TEMPER_ENGINE_UNAVAILABLE: '`temper doctor` says which engines were tried and why they failed.',
  TEMPER_ATTACK_UNKNOWN: '`temper attack --list` shows every attack and recipe.',
  TEMPER_TARGET_UNREACHABLE: 'Is the served model running and `served` right? `temper doctor` tries it.',
  TEMPER_MODEL_NOT_FOUND: '`temper models list` shows what the registry has.',
  TEMPER_MODEL_CORRUPT: '`temper models verify` names every file that was changed.',
  TEMPER_LEDGER_BROKEN: '`temper models verify` names the line; restore the ledger from a backup.',
  TEMPER_REGISTRY_LOCKED: 'Wait for the other process, or see `temper models history` for who works on it.',
  TEMPER_STORE_UNREACHABLE: 'Is the store running and `store` right? `temper doctor` tries it.',
  TEMPER_STORE_MIGRATION: '`temper migrate` shows which migrations are applied.',
  TEMPER_INTERRUPTED: 'Run the same command again to go on where it stopped.',
};

/** Says what went wrong in three parts: what (message), which (code), what now (advice). Stack only for surprises. */
export function printError(output: Output, error: unknown): void {
  if (isSystemError(error)) {
    printLine(output, `${styled(output, 'red', 'error:')} ${error.message}`);
    printLine(output, `  ${SYSTEM_ADVICE[error.code] ?? 'The operating system refused it.'}`);
    return;
  }
  if (!(error instanceof AppError)) {
    printLine(output, `${styled(output, 'red', 'unexpected error:')} ${describeSurprise(error)}`);
    printLine(output, 'This is a fault of Temper. Please report it with the lines above.');
    return;
  }
  printLine(output, `${styled(output, 'red', 'error:')} ${error.message}`);
  if (error.cause !== undefined) printLine(output, `  because: ${messageOf(error.cause)}`);
  printLine(output, styled(output, 'dim', `  ${error.code}: ${ERROR_CODES[error.code]}`));
  const advice = ADVICE[error.code];
  if (advice !== undefined) printLine(output, `  ${advice}`);
}

interface SystemError {
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
}

const SYSTEM_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another process listens there: stop it, or choose another port.',
  EACCES: 'This user may not do that: change the permissions, or the place.',
  EPERM: 'This user may not do that: change the permissions, or the place.',
  ENOENT: 'Check the path.',
  ENOSPC: 'The disk is full.',
  EMFILE: 'Too many files are open: raise the limit of open files.',
};

/** What the operating system refused: no fault of Temper, and no stack is needed. */
function isSystemError(error: unknown): error is SystemError {
  return (
    error !== null &&
    typeof error === 'object' &&
    'syscall' in error &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

/** The same for programs: one JSON object. */
export function errorJson(error: unknown): { error: Record<string, unknown> } {
  if (!(error instanceof AppError)) return { error: { code: 'UNEXPECTED', message: messageOf(error) } };
  return { error: { code: error.code, message: error.message, details: error.details } };
}

function messageOf(caught: unknown): string {
  return caught !== null && typeof caught === 'object' && 'message' in caught
    ? String(caught.message)
    : String(caught);
}

function describeSurprise(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
