import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { AppError } from '../../domain/errors.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';

/** `temper init`: a commented temper.yaml. */
export const registerInit: CommandModule = (program, cli) => {
  const init = program
    .command('init')
    .description('write a commented temper.yaml: every key with its meaning, unit and default')
    .helpGroup('Set up:')
    .argument('[file]', 'where to write it', 'temper.yaml')
    .option('--force', 'overwrite a file that exists')
    .option('--stdout', 'print it instead of writing a file')
    .action(cli.action(writeExample));
  addExamples(init, [
    ['temper init', 'write ./temper.yaml'],
    ['temper init --stdout', 'look at it first'],
  ]);
};

interface InitOptions {
  readonly force?: boolean;
  readonly stdout?: boolean;
}

async function writeExample(
  run: Run,
  { force, stdout }: InitOptions,
  file = 'temper.yaml',
): Promise<undefined> {
  const { exampleConfig } = await import('../../config/example.ts');
  const { SECTION_SET } = await import('../../config/sections.ts');
  const text = exampleConfig(SECTION_SET);
  if (stdout === true) {
    run.stdout.write(text);
    return undefined;
  }
  const path = resolve(run.host.cwd, file);
  writeNew(path, text, force ?? false);
  printLine(run.stdout, `${styled(run.stdout, 'green', 'wrote')} ${path}`);
  const secrets = [...text.matchAll(/^[^#]*\{env: (\w+)\}/gm)].map(([, name]) => String(name));
  if (secrets.length > 0)
    printLine(run.stdout, `It takes these secrets from the environment: ${secrets.join(', ')}`);
  printLine(run.stdout, 'Next: edit it, then run `temper config check` and `temper doctor`.');
  return undefined;
}

function writeNew(path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (caught) {
    const code = (caught as NodeJS.ErrnoException).code;
    const got = code === 'EEXIST' ? 'a file that exists (--force overwrites it)' : (code ?? 'an error');
    throw new AppError('TEMPER_USAGE', `expected to write ${path}, got ${got}`, {
      cause: code === 'EEXIST' ? undefined : caught,
    });
  }
}
