import { resolve } from 'node:path';

import { configPath } from '../config-file.ts';
import { EXIT } from '../exit-code.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { Cli, CommandModule, Run } from '../run.ts';

/** `temper config check|schema`. */
export const registerConfig: CommandModule = (program, cli) => {
  const config = program
    .command('config')
    .description('check the configuration, or print its schema')
    .helpGroup('Set up:');
  registerCheck(config, cli);
  config
    .command('schema')
    .description('print the JSON Schema of temper.yaml')
    .action(cli.action(printSchema));
};

function registerCheck(config: Parameters<CommandModule>[0], cli: Cli): void {
  const check = config
    .command('check')
    .description('list every mistake in a configuration, with line, what was expected and what was got')
    .argument('[file]', 'the configuration (default: temper.yaml, or TEMPER_CONFIG)')
    .option('--without-secrets', 'do not look secrets up: for a machine that does not have them')
    .option('--json', 'print the result as JSON')
    .action(cli.action(checkConfig));
  addExamples(check, [
    ['temper config check', 'check ./temper.yaml'],
    ['temper config check deploy/temper.yaml --json', 'for a script: exit code 2 and a list of mistakes'],
  ]);
}

interface CheckOptions {
  readonly json?: boolean;
  readonly withoutSecrets?: boolean;
}

async function checkConfig(run: Run, options: CheckOptions, file?: string): Promise<undefined> {
  const { loadConfig } = await import('../../config/load.ts');
  const path = file === undefined ? configPath(run, { config: 'temper.yaml' }) : resolve(run.host.cwd, file);
  const config = loadConfig(path, run.host.env, { followSecrets: options.withoutSecrets !== true });
  if (options.json === true)
    printLine(run.stdout, JSON.stringify({ file: path, valid: true, config }, null, 2));
  else printLine(run.stdout, `${styled(run.stdout, 'green', 'ok')}  ${path} has no mistakes`);
  return undefined;
}

async function printSchema(run: Run): Promise<typeof EXIT.done> {
  const { configJsonSchema } = await import('../../config/json-schema.ts');
  printLine(run.stdout, JSON.stringify(configJsonSchema(), null, 2));
  return EXIT.done;
}
