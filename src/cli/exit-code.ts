import { AppError } from '../domain/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';

/** What the process says when it ends; scripts and Kubernetes rely on it. */
export const EXIT = {
  /** Done and within requirements. */
  done: 0,
  /** Ran, but a requirement, gate or verdict says no, or the work failed. */
  refused: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Something it depends on is unreachable. */
  unreachable: 3,
  /** Interrupted; can be resumed. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each error means for the caller of the process. */
export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  TEMPER_CONFIG_INVALID: EXIT.usage,
  TEMPER_USAGE: EXIT.usage,
  TEMPER_DATA_NOT_FOUND: EXIT.usage,
  TEMPER_DATA_CORRUPT: EXIT.refused,
  TEMPER_STATS_SHAPE: EXIT.refused,
  TEMPER_STATS_EMPTY: EXIT.refused,
  TEMPER_STATS_RANGE: EXIT.refused,
  TEMPER_ENGINE_UNAVAILABLE: EXIT.unreachable,
  TEMPER_ENGINE_WORKER_LOST: EXIT.refused,
  TEMPER_ENGINE_TASK_FAILED: EXIT.refused,
  TEMPER_ATTACK_UNKNOWN: EXIT.usage,
  TEMPER_ATTACK_PARAMETER: EXIT.usage,
  TEMPER_ATTACK_ACCESS: EXIT.usage,
  TEMPER_ATTACK_SHAPE: EXIT.usage,
  TEMPER_ATTACK_MODULE: EXIT.usage,
  TEMPER_RECIPES_INVALID: EXIT.usage,
  TEMPER_TARGET_UNREACHABLE: EXIT.unreachable,
  TEMPER_TARGET_REJECTED: EXIT.refused,
  TEMPER_TARGET_MALFORMED: EXIT.refused,
  TEMPER_TARGET_CIRCUIT_OPEN: EXIT.unreachable,
  TEMPER_TARGET_PAUSED: EXIT.unreachable,
  TEMPER_MODEL_NOT_FOUND: EXIT.usage,
  TEMPER_MODEL_CORRUPT: EXIT.refused,
  TEMPER_MODEL_UNSUPPORTED: EXIT.usage,
  TEMPER_REGISTRY_LOCKED: EXIT.refused,
  TEMPER_REGISTRY_FENCED: EXIT.refused,
  TEMPER_LEDGER_BROKEN: EXIT.refused,
  TEMPER_GATE_REFUSED: EXIT.refused,
  TEMPER_STORE_UNREACHABLE: EXIT.unreachable,
  TEMPER_STORE_QUERY: EXIT.refused,
  TEMPER_STORE_MIGRATION: EXIT.refused,
  TEMPER_STORE_EMBEDDED: EXIT.unreachable,
  TEMPER_INGEST_SOURCE: EXIT.unreachable,
  TEMPER_FOLD_LOG_BROKEN: EXIT.refused,
  TEMPER_ALERT_UNDELIVERED: EXIT.unreachable,
  TEMPER_STAGE_FAILED: EXIT.refused,
  TEMPER_POLICY_REFUSED: EXIT.refused,
  TEMPER_TRAINING_DIVERGED: EXIT.refused,
  TEMPER_INTERRUPTED: EXIT.interrupted,
};

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof AppError ? EXIT_OF_ERROR[error.code] : EXIT.refused;
}
