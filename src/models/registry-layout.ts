import { join } from 'node:path';
import { AppError } from '../domain/errors.ts';
import { namesIn, readIfThere } from './registry-files.ts';

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const VERSION = /^[1-9]\d{0,14}$/;

/** Where everything of one model lies. Servers poll `home` and load its integer folders; they see nothing else. */
export interface ModelLayout {
  readonly model: string;
  readonly home: string;
  readonly ledger: string;
  readonly pointer: string;
  readonly candidates: string;
  readonly locks: string;
  version(n: number): string;
  candidate(hash: string): string;
}

/** @throws {AppError} TEMPER_USAGE for a name that could leave the folder or hide in it */
export function layoutOf(directory: string, model: string): ModelLayout {
  if (!MODEL_NAME.test(model))
    throw new AppError(
      'TEMPER_USAGE',
      `expected a model name of letters, digits, dots, dashes and underscores (at most 100), got ${JSON.stringify(model)}`,
    );
  const home = join(directory, model);
  const candidates = join(directory, '.candidates', model);
  return {
    model,
    home,
    ledger: join(home, 'ledger.jsonl'),
    pointer: join(home, 'current'),
    candidates,
    locks: join(directory, '.locks'),
    version: (n) => join(home, `${n}`),
    candidate: (hash) => join(candidates, safeHash(hash)),
  };
}

export async function modelsIn(directory: string): Promise<string[]> {
  const names = await namesIn(directory);
  return names.filter((name) => MODEL_NAME.test(name));
}

/** Integer folders, ascending. */
export async function versionsOnDisk(layout: ModelLayout): Promise<number[]> {
  const names = await namesIn(layout.home);
  return names
    .filter((name) => VERSION.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** What `current` says; undefined when it is missing or is not a version number. */
export async function readPointer(layout: ModelLayout): Promise<number | undefined> {
  const text = (await readIfThere(layout.pointer))?.trim();
  return text !== undefined && VERSION.test(text) ? Number(text) : undefined;
}

function safeHash(hash: string): string {
  if (/^[0-9a-f]{32}$/.test(hash)) return hash;
  throw new AppError(
    'TEMPER_USAGE',
    `expected a candidate hash of 32 hex digits, got ${JSON.stringify(hash)}`,
  );
}
