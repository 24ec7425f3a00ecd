/**
 * Every error that Temper throws on purpose, with what it means and what to do. Tested in both directions against
 * docs/errors.md. Branch on codes, never on message text.
 */
export const ERROR_CODES = {
  TEMPER_CONFIG_INVALID: 'The configuration has mistakes; all of them are listed with their path.',
  TEMPER_USAGE: 'The command line is wrong.',
  TEMPER_DATA_NOT_FOUND: 'A data set, file or folder that was named does not exist.',
  TEMPER_DATA_CORRUPT: 'A file exists but its content is not what its format promises.',
  TEMPER_STATS_SHAPE: 'Two arrays that must agree in length do not.',
  TEMPER_STATS_EMPTY: 'A statistic was asked of no data.',
  TEMPER_STATS_RANGE: 'A number lies outside the range in which the formula holds.',
  TEMPER_ENGINE_UNAVAILABLE: 'No compute engine (tfjs-node or WebAssembly) could be started.',
  TEMPER_ENGINE_WORKER_LOST: 'A compute worker ended before it answered.',
  TEMPER_ENGINE_TASK_FAILED: 'A task threw inside a compute worker.',
  TEMPER_ATTACK_UNKNOWN: 'A recipe names an attack that the catalogue does not have.',
  TEMPER_ATTACK_PARAMETER: 'A recipe gives an attack a parameter it does not take, or a value out of range.',
  TEMPER_ATTACK_ACCESS: 'An attack needs more access (gradients, scores) than the target gives.',
  TEMPER_ATTACK_SHAPE: 'Inputs, labels and target disagree about shapes.',
  TEMPER_ATTACK_MODULE: 'The module of a custom attack cannot be loaded, or defines no attack.',
  TEMPER_RECIPES_INVALID: 'A recipe file is not what its format, checksum or signature promises.',
  TEMPER_TARGET_UNREACHABLE: 'The served model did not answer (timeout, refused, reset).',
  TEMPER_TARGET_REJECTED: 'The served model answered with an error.',
  TEMPER_TARGET_MALFORMED: 'The served model answered with something that is not a prediction.',
  TEMPER_TARGET_CIRCUIT_OPEN: 'Too many failures in a row: the served model is left alone for a while.',
  TEMPER_TARGET_PAUSED: 'Probing is stopped for the moment: to protect the served model, or by a switch.',
  TEMPER_MODEL_NOT_FOUND: 'The registry has no such model or version.',
  TEMPER_MODEL_CORRUPT: 'A model file does not match the hash in its manifest.',
  TEMPER_MODEL_UNSUPPORTED: 'The model has a topology that this operation cannot handle.',
  TEMPER_REGISTRY_LOCKED: 'Another process holds the registry lock.',
  TEMPER_REGISTRY_FENCED: 'This process lost the lock: a later holder has written since.',
  TEMPER_LEDGER_BROKEN: 'The hash chain of the ledger does not hold.',
  TEMPER_GATE_REFUSED: 'The gate refused a candidate, and nobody overrode it.',
  TEMPER_STORE_UNREACHABLE: 'ClickHouse (or the embedded store process) does not answer.',
  TEMPER_STORE_QUERY: 'ClickHouse refused a statement.',
  TEMPER_STORE_MIGRATION: 'An applied migration was changed, or a migration failed.',
  TEMPER_STORE_EMBEDDED: 'The embedded store process could not be started.',
  TEMPER_INGEST_SOURCE: 'A source cannot be read.',
  TEMPER_FOLD_LOG_BROKEN: 'The fold log has a gap, a duplicate, or an entry that cannot be folded.',
  TEMPER_ALERT_UNDELIVERED: 'A channel did not take an alert; it is tried again.',
  TEMPER_STAGE_FAILED: 'A stage of the pipeline failed; the run can be resumed.',
  TEMPER_POLICY_REFUSED: 'The policy forbids what was asked.',
  TEMPER_TRAINING_DIVERGED: 'Training produced a loss or weight that is not finite.',
  TEMPER_INTERRUPTED: 'The work was interrupted; it can be resumed.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface AppErrorOptions {
  /** Whether trying the same thing again may succeed. Default false. */
  readonly retryable?: boolean;
  /** Values for logs and machines; never an input or a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error whose message says what was expected, what was got, and where. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** Narrows what a `catch` caught. */
export function toError(caught: unknown): Error {
  return caught instanceof Error ? caught : new Error(String(caught));
}

export function hasCode(caught: unknown, code: ErrorCode): boolean {
  return caught instanceof AppError && caught.code === code;
}
