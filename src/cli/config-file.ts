import { resolve } from 'node:path';

import { Option } from 'commander';

import type { TemperConfig } from '../config/load.ts';
import type { Run } from './run.ts';

export interface ConfigOptions {
  readonly config: string;
}

/** Where a configuration is looked for when nobody names one. */
export const CONFIG_FILE = 'temper.yaml';

/** `--config FILE`, also as TEMPER_CONFIG. */
export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration (or TEMPER_CONFIG)').default(CONFIG_FILE);
}

/** The same without a default, for who must know whether it was given. */
export function namedConfigOption(): Option {
  return new Option(
    '-c, --config <file>',
    `the configuration (or TEMPER_CONFIG; default: ${CONFIG_FILE}, if it is there)`,
  );
}

/** Path of the configuration: the flag, or TEMPER_CONFIG, or temper.yaml in the working folder. */
export function configPath(run: Run, options: ConfigOptions): string {
  const fromEnv = run.host.env['TEMPER_CONFIG'];
  const chosen =
    options.config === CONFIG_FILE && fromEnv !== undefined && fromEnv !== '' ? fromEnv : options.config;
  return resolve(run.host.cwd, chosen);
}

/** Loads the configuration that a command was given, and takes its log level. */
export async function loadRunConfig(run: Run, options: ConfigOptions): Promise<TemperConfig> {
  const { loadConfig } = await import('../config/load.ts');
  const config = loadConfig(configPath(run, options), run.host.env);
  run.useLogLevel(config.log.level);
  run.logger.debug({ config }, 'configuration_loaded');
  return config;
}
