import { resolve } from 'node:path';

import { AppError } from '../../domain/errors.ts';
import { configOption, loadRunConfig } from '../config-file.ts';
import type { ConfigOptions } from '../config-file.ts';
import { addExamples, positive } from '../options.ts';
import { printLine } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';

interface StoreCommandOptions extends ConfigOptions {
  readonly directory?: string;
  readonly idle?: number;
}

/** Longest time that a timer can wait, in whole seconds. */
const FOREVER_SECONDS = 2_147_483;

/** `temper store`: the embedded engine in the foreground. */
export const registerStore: CommandModule = (program, cli) => {
  const store = program
    .command('store')
    .description('run the embedded ClickHouse engine in the foreground, for everyone who uses its folder')
    .helpGroup('Run:')
    .option(
      '-d, --directory <dir>',
      'folder of the engine (default: store.embedded.directory of the configuration)',
    )
    .option('--idle <seconds>', 'end after so many seconds without a request (default: stay)', positive)
    .addOption(configOption())
    .action(cli.action(runStore));
  addExamples(store, [
    ['temper store --directory store', 'hold the folder ./store; others find it through store/store.json'],
    ['temper store --idle 60', 'as the configuration says, until nobody asks any more'],
  ]);
};

async function runStore(run: Run, options: StoreCommandOptions): Promise<undefined> {
  const directory =
    options.directory === undefined
      ? await configuredDirectory(run, options)
      : resolve(run.host.cwd, options.directory);
  const { runStoreProcess } = await import('../../store/embedded/run-store.ts');
  await refuseSecond(directory);
  let wake: () => void = () => undefined;
  const idle = new Promise<void>((resolveIdle) => {
    wake = resolveIdle;
  });
  const started = await runStoreProcess({
    directory,
    idleSeconds: Math.min(options.idle ?? FOREVER_SECONDS, FOREVER_SECONDS),
    logger: run.logger,
    onIdle: () => wake(),
  });
  const { url } = run.releases.adopt('store', started);
  printLine(run.stdout, url);
  await Promise.race([run.stopped, idle]);
  return undefined;
}

/** The engine allows one process per folder; its own refusal does not say who the other is. */
async function refuseSecond(directory: string): Promise<void> {
  const { answers, readStoreFile } = await import('../../store/embedded/store-file.ts');
  const running = await readStoreFile(directory);
  if (running === undefined || !(await answers(running))) return;
  throw new AppError(
    'TEMPER_STORE_EMBEDDED',
    `expected to hold ${directory}, but process ${running.pid} holds it and serves it at ${running.url}; use that one, or wait until it is idle and ends`,
  );
}

async function configuredDirectory(run: Run, options: ConfigOptions): Promise<string> {
  const { store } = await loadRunConfig(run, options);
  if (store.url === undefined) return store.embedded.directory;
  throw new AppError(
    'TEMPER_USAGE',
    `expected a configuration without store.url, or --directory: the store is the ClickHouse at ${store.url}`,
  );
}
