import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { Option } from 'commander';

import { AppError } from '../../domain/errors.ts';
import { resolveModel } from '../model-choice.ts';
import { addExamples } from '../options.ts';
import { printLine } from '../output.ts';
import { addRegistryOptions } from '../registry-choice.ts';
import type { RegistryChoice } from '../registry-choice.ts';
import type { CommandModule, Run } from '../run.ts';

interface ExportOptions extends RegistryChoice {
  readonly out: string;
}

/** `temper export`: a network in the format of another server. */
export const registerExport: CommandModule = (program, cli) => {
  const command = program
    .command('export')
    .description('write a model in the format of another model server')
    .argument('<model>', 'folder with model.json, or name[@version] of the registry')
    .helpGroup('Evaluate and govern:');
  addRegistryOptions(command)
    .addOption(
      new Option('--format <name>', 'TensorFlow SavedModel (TensorFlow, TensorFlow Serving, Triton)')
        .choices(['saved-model'])
        .default('saved-model'),
    )
    .requiredOption('-o, --out <dir>', 'folder to make; it must not exist yet')
    .action(cli.action<ExportOptions>((run, options, ...args) => exportModel(run, options, args[0]!)));
  addExamples(command, [
    [
      'temper export digits@4 --registry models --out exported/1',
      'a registry version for TensorFlow Serving',
    ],
  ]);
};

async function exportModel(run: Run, options: ExportOptions, named: string): Promise<undefined> {
  const directory = resolve(run.host.cwd, options.out);
  if (existsSync(directory))
    throw new AppError('TEMPER_USAGE', `--out: expected a folder that does not exist yet, got ${directory}`);
  const { path } = await resolveModel(run, named, options);
  const [{ readArtifact }, { exportSavedModel }, { startBackend }] = await Promise.all([
    import('../../models/artifact.ts'),
    import('../../models/exporters/saved-model.ts'),
    import('../../engine/backend.ts'),
  ]);
  // Only weights are read; the engine that always works starts fastest.
  await startBackend('wasm');
  await exportSavedModel(await readArtifact(path), directory);
  printLine(run.stdout, directory);
  return undefined;
}
