import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { AppError, hasCode } from '../domain/errors.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import { openRegistry } from './registry-choice.ts';
import type { RegistryChoice } from './registry-choice.ts';
import type { Run } from './run.ts';

/**
 * The model that an argument names: a folder with model.json, or `name[@version]` of the registry.
 *
 * @throws {AppError} TEMPER_USAGE | TEMPER_MODEL_NOT_FOUND | TEMPER_MODEL_CORRUPT
 */
export async function resolveModel(
  run: Run,
  named: string,
  choice: Omit<RegistryChoice, 'model'>,
): Promise<ModelRef> {
  if (/^https?:\/\//.test(named))
    throw new AppError(
      'TEMPER_USAGE',
      `expected a folder with model.json or name[@version] of the registry, got the URL ${named}: this needs the model's files`,
    );
  const directory = resolve(run.host.cwd, named);
  if (existsSync(join(directory, 'model.json'))) {
    const { modelRefOf } = await import('../models/artifact.ts');
    return modelRefOf(directory);
  }
  const parts = /^([A-Za-z0-9][A-Za-z0-9_.-]*)(?:@(\d+))?$/.exec(named);
  if (parts === null)
    throw new AppError(
      'TEMPER_MODEL_NOT_FOUND',
      `expected a folder with model.json or name[@version], got ${named}: there is no ${join(directory, 'model.json')}`,
    );
  const { registry } = await openRegistry(run, choice).catch((caught: unknown): never => {
    if (!hasCode(caught, 'TEMPER_USAGE')) throw caught;
    throw new AppError(
      'TEMPER_MODEL_NOT_FOUND',
      `expected a folder with model.json, or --registry DIR for a model of the registry, got ${named}: there is no ${join(directory, 'model.json')}`,
    );
  });
  const [, model = '', version] = parts;
  const found =
    version === undefined ? await registry.current(model) : await registry.version(model, Number(version));
  return found.ref;
}
