import { AppError } from '../domain/errors.ts';

/** One thing wrong in a configuration file, said so that it can be mended without reading code. */
export interface ConfigMistake {
  /** `threatModel.epsilon`, `stream.files[0]`; empty for the file as a whole. */
  readonly path: string;
  /** Where in the file, counted from 1. */
  readonly line: number;
  readonly column: number;
  /** Which kind of rule was broken: `unknown_key`, `required`, `type`, `range`, `choice`, `format`, `rule`, `secret`, `syntax`, `file`. */
  readonly rule: string;
  readonly expected: string;
  readonly got: string;
  readonly hint?: string;
}

/** The error that carries every mistake of a file: the message lists them, `details.mistakes` holds them. */
export function configError(file: string, mistakes: readonly ConfigMistake[]): AppError {
  const sorted = [...mistakes].sort((a, b) => a.line - b.line || a.column - b.column);
  const count = sorted.length === 1 ? '1 mistake' : `${sorted.length} mistakes`;
  const lines = sorted.map((mistake) => formatMistake(file, mistake));
  return new AppError('TEMPER_CONFIG_INVALID', `${file} has ${count}:\n${lines.join('\n')}`, {
    details: { file, mistakes: sorted },
  });
}

/** `temper.yaml:12:5  threatModel.epsilon: expected …, got … (hint)`. */
export function formatMistake(file: string, mistake: ConfigMistake): string {
  const place = `${file}:${mistake.line}:${mistake.column}`;
  const subject = mistake.path === '' ? '' : `${mistake.path}: `;
  const hint = mistake.hint === undefined ? '' : `\n      ${mistake.hint}`;
  return `  ${place}  ${subject}expected ${mistake.expected}, got ${mistake.got}${hint}`;
}

/** Keys and indexes to `a.b[0].c`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
