import type { Logger } from '../domain/logger.ts';
import { styled } from './output.ts';
import type { Output, Style } from './output.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['auto', 'json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly output: Output;
}

/** Fields whose values never reach a log, wherever they hang. */
const REDACTED = ['password', 'secret', 'token', 'tagKey', 'authorization'].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

export interface ProcessLogger {
  readonly logger: Logger;
  /** Takes effect for the logger and for children made afterwards. */
  setLevel(level: LogLevel): void;
}

/** The domain's Logger on pino: JSON lines, or one readable line each on a terminal. */
export async function createLogger({ level, format, output }: LoggerOptions): Promise<ProcessLogger> {
  // Loaded only when a command does work: `temper --help` needs no logger.
  const { pino } = await import('pino');
  const asText = format === 'text' || (format === 'auto' && output.isTerminal);
  const destination = { write: (line: string) => output.write(asText ? readableLine(line, output) : line) };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[secret]' },
  };
  const root = pino(options, destination);
  return {
    logger: adapt(root),
    setLevel(next) {
      root.level = next;
    },
  };
}

interface PinoLike {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: Record<string, unknown>): PinoLike;
}

function adapt(logger: PinoLike): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (bindings) => adapt(logger.child(bindings)),
  };
}

const LEVEL_STYLES: Readonly<Record<string, Style>> = {
  debug: 'dim',
  info: 'cyan',
  warn: 'yellow',
  error: 'red',
};

/** `06:47:03 info  sidecar  batch_committed rows=32`: the time of day, level, module, message, then the fields. */
export function readableLine(json: string, output: Output): string {
  const { level, time, msg, module, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const name = String(level);
  const parts = [
    styled(output, 'dim', String(time).slice(11, 19)),
    styled(output, LEVEL_STYLES[name] ?? 'dim', name.padEnd(5)),
    ...(module === undefined ? [] : [styled(output, 'dim', plain(module))]),
    String(msg),
    ...Object.entries(fields).map(([key, value]) => styled(output, 'dim', `${key}=${plain(value)}`)),
  ];
  return `${parts.join(' ')}${readableError(err)}\n`;
}

function plain(value: unknown): string {
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(4)));
  return typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value);
}

function readableError(error: unknown): string {
  if (error === null || typeof error !== 'object') return '';
  const { message, stack } = error as { message?: string; stack?: string };
  return `\n  ${stack ?? message ?? JSON.stringify(error)}`;
}
