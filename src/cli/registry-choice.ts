import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { Option } from 'commander';
import type { Command } from 'commander';

import { AppError } from '../domain/errors.ts';
import type { Registry } from '../models/registry.ts';
import { configOption, configPath, loadRunConfig } from './config-file.ts';
import type { Run } from './run.ts';

export interface RegistryChoice {
  readonly config: string;
  /** Folder; without it the configuration decides. */
  readonly registry?: string;
  readonly model?: string;
}

/** `--registry DIR`, `--model NAME`, `--config FILE`. */
export function addRegistryOptions(command: Command): Command {
  return command
    .addOption(new Option('-r, --registry <dir>', 'the registry (default: as in the configuration)'))
    .addOption(
      new Option('-m, --model <name>', 'the model (default: as in the configuration, or the only one)'),
    )
    .addOption(configOption());
}

export interface ChosenRegistry {
  readonly registry: Registry;
  readonly directory: string;
  /** Name of the model from flag or configuration. */
  readonly model: string | undefined;
}

/**
 * Opens the registry that flags or the configuration name. With `--registry` no configuration is needed.
 *
 * @param needs `place`: the folder need not be there yet, somebody else will fill it
 */
export async function openRegistry(
  run: Run,
  choice: RegistryChoice,
  needs: 'content' | 'place' = 'content',
): Promise<ChosenRegistry> {
  const { createRegistry } = await import('../models/registry.ts');
  const common = { clock: run.host.clock, logger: run.logger, owner: actorOf(run) };
  if (choice.registry !== undefined) {
    const directory = resolve(run.host.cwd, choice.registry);
    if (needs === 'content') requireFolder(directory);
    return { registry: createRegistry({ ...common, directory }), directory, model: choice.model };
  }
  if (!existsSync(configPath(run, choice)))
    throw new AppError(
      'TEMPER_USAGE',
      `expected --registry DIR or a configuration at ${configPath(run, choice)}, got neither`,
    );
  const config = await loadRunConfig(run, choice);
  const { directory, lockWaitMs, lockExpiryMs } = config.registry;
  if (needs === 'content') requireFolder(directory);
  const registry = createRegistry({ ...common, directory, lockWaitMs, lockExpiryMs });
  return { registry, directory, model: choice.model ?? config.model.name };
}

/** The model that was named, or the only one there is. */
export async function modelOf({ registry, directory, model }: ChosenRegistry): Promise<string> {
  if (model !== undefined) return model;
  const models = await registry.models();
  const [only] = models;
  if (models.length === 1 && only !== undefined) return only;
  const found = models.length === 0 ? 'it is empty' : `it has ${models.join(', ')}`;
  throw new AppError(
    'TEMPER_USAGE',
    `expected --model NAME: the registry ${directory} does not decide it, ${found}`,
  );
}

/** Who acts, for lock and ledger. */
export function actorOf(run: Run): string {
  return run.host.env['TEMPER_ACTOR'] ?? run.host.env['USER'] ?? run.host.env['LOGNAME'] ?? 'unknown';
}

function requireFolder(directory: string): void {
  if (existsSync(directory)) return;
  throw new AppError('TEMPER_MODEL_NOT_FOUND', `expected a registry at ${directory}, got no such folder`);
}
