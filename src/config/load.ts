import { dirname, resolve } from 'node:path';

import { resolveConstraints } from '../attacks/constraints/resolve.ts';
import type { AppError } from '../domain/errors.ts';
import { featureCount } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { loadSections } from './load-sections.ts';
import type { ConfigOf } from './load-sections.ts';
import { configError } from './mistake.ts';
import { readText } from './read-text.ts';
import { SECTION_SET } from './sections.ts';

/** The compiled configuration: frozen, defaults filled in, secrets wrapped, paths absolute. */
export type TemperConfig = ConfigOf<typeof SECTION_SET.sections>;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks a temper.yaml. Relative paths in it start at its own folder; secrets come from `env` or files.
 *
 * @throws {AppError} TEMPER_CONFIG_INVALID with every mistake, each with line, column, path, what was expected and got
 */
export function loadConfig(
  path: string,
  env: Environment,
  options: { readonly followSecrets?: boolean } = {},
): TemperConfig {
  const read = readText(path);
  if ('problem' in read) throw unreadable(path, read.problem);
  return parseConfig(read.text, { file: path, folder: dirname(resolve(path)), env, ...options });
}

/** The same for text in memory. */
export function parseConfig(
  text: string,
  options: {
    readonly file: string;
    readonly folder: string;
    readonly env: Environment;
    readonly followSecrets?: boolean;
  },
): TemperConfig {
  return loadSections({ ...SECTION_SET, text, ...options });
}

/**
 * The threat model as attacks take it: the section, with the valid range of the model's inputs. What says nothing (plain
 * misclassification, constraints that constrain nothing) is left out, so that its identity stays the same.
 */
export function threatModelOf({
  model,
  threatModel,
}: Pick<TemperConfig, 'model' | 'threatModel'>): ThreatModel {
  const { norm, epsilon, access, queryBudget, criterion, constraints: written } = threatModel;
  const isPlain =
    criterion === undefined || (criterion.kind === 'misclassified' && criterion.reject === undefined);
  const { inputShape, range } = model;
  const features = featureCount(inputShape);
  const constraints =
    written === undefined ? {} : resolveConstraints(written, { features, range }).constraints;
  return {
    norm,
    epsilon,
    range,
    access,
    ...(queryBudget === undefined ? {} : { queryBudget }),
    ...(isPlain ? {} : { criterion }),
    ...(Object.keys(constraints).length === 0 ? {} : { constraints }),
  };
}

function unreadable(path: string, problem: string): AppError {
  const isMissing = problem === 'ENOENT';
  const mistake = {
    path: '',
    line: 1,
    column: 1,
    rule: 'file',
    expected: 'a configuration file that can be read',
    got: isMissing ? 'no such file' : problem,
  };
  return configError(path, [isMissing ? { ...mistake, hint: 'write one with: temper init' } : mistake]);
}
