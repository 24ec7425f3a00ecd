import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { Option } from 'commander';

import { AppError } from '../../domain/errors.ts';
import type { ModelArtifact } from '../../models/artifact.ts';
import { resolveModel } from '../model-choice.ts';
import { addExamples } from '../options.ts';
import { printLine } from '../output.ts';
import { addRegistryOptions } from '../registry-choice.ts';
import type { RegistryChoice } from '../registry-choice.ts';
import type { CommandModule, Run } from '../run.ts';

interface ExportOptions extends RegistryChoice {
  readonly format: 'saved-model' | 'onnx';
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
      new Option(
        '--format <name>',
        'a folder for TensorFlow, TensorFlow Serving and Triton, or one file for ONNX Runtime, KServe, MLServer and Triton',
      )
        .choices(['saved-model', 'onnx'])
        .default('saved-model'),
    )
    .requiredOption('-o, --out <path>', 'folder or file to make; it must not exist yet')
    .action(cli.action<ExportOptions>((run, options, ...args) => exportModel(run, options, args[0]!)));
  addExamples(command, [
    [
      'temper export digits@4 --registry models --out exported/1',
      'a registry version for TensorFlow Serving',
    ],
    ['temper export models/digits --format onnx --out exported/model.onnx', 'a folder as an ONNX file'],
  ]);
};

async function exportModel(run: Run, options: ExportOptions, named: string): Promise<undefined> {
  const target = resolve(run.host.cwd, options.out);
  if (existsSync(target))
    throw new AppError('TEMPER_USAGE', `--out: expected a path that does not exist yet, got ${target}`);
  const { path } = await resolveModel(run, named, options);
  const [{ readArtifact }, { startBackend }, write] = await Promise.all([
    import('../../models/artifact.ts'),
    import('../../engine/backend.ts'),
    exporterOf(options.format),
  ]);
  // Only weights are read; the engine that always works starts fastest.
  await startBackend('wasm');
  await write(await readArtifact(path), target);
  printLine(run.stdout, target);
  return undefined;
}

async function exporterOf(
  format: ExportOptions['format'],
): Promise<(artifact: ModelArtifact, target: string) => Promise<void>> {
  switch (format) {
    case 'saved-model':
      return (await import('../../models/exporters/saved-model.ts')).exportSavedModel;
    case 'onnx':
      return (await import('../../models/exporters/onnx.ts')).exportOnnx;
  }
}
