import type { Command } from 'commander';

import { addExamples, integer } from '../options.ts';
import { addRegistryOptions } from '../registry-choice.ts';
import type { Cli, CommandModule, Work } from '../run.ts';
import type { DecisionOptions, ModelsOptions, PruneOptions, VerifyOptions } from './models-work.ts';

/** `temper models list|history|verify|promote|rollback|prune`. */
export const registerModels: CommandModule = (program, cli) => {
  const models = program
    .command('models')
    .description('what the registry holds, and what happened to it')
    .helpGroup('Evaluate and govern:');
  registerReading(models, cli);
  registerPromote(models, cli);
  registerRollback(models, cli);
  registerVerify(models, cli);
  registerPrune(models, cli);
};

// The work is loaded when it is done: help needs neither registry nor ledger.
const load = () => import('./models-work.ts');

function registerReading(models: Command, cli: Cli): void {
  const reading: readonly (readonly [name: string, meaning: string, work: Work<ModelsOptions>])[] = [
    [
      'list',
      'versions with how and by whom they came; * marks the current one',
      async (run, options) => (await load()).listModels(run, options),
    ],
    [
      'history',
      'the ledger: every gate decision, promotion, override and rollback',
      async (run, options) => (await load()).showHistory(run, options),
    ],
  ];
  for (const [name, meaning, work] of reading) {
    const command = addRegistryOptions(models.command(name).description(meaning))
      .option('--json', 'print the result as JSON')
      .action(cli.action(work));
    addExamples(command, [
      [`temper models ${name} --registry models --model digits`, meaning.split(';')[0]!],
    ]);
  }
}

function registerPromote(models: Command, cli: Cli): void {
  const command = addRegistryOptions(
    models
      .command('promote')
      .description(
        'publish a candidate that passed the gate; or, with --override, any model, on your responsibility',
      )
      .argument('<candidate>', 'hash of a candidate, or folder of a model to import'),
  );
  addDecisionOptions(command)
    .option('--override', 'publish although the gate refused it or was never asked; needs --reason')
    .action(
      cli.action<DecisionOptions>(async (run, options, ...args) =>
        (await load()).promote(run, options, args[0]!),
      ),
    );
  addExamples(command, [
    ['temper models promote 1f3a9c02d4e5b6a7 --reason "gate passed, release 12"', 'publish a candidate'],
    [
      'temper models promote ./exported --override --reason "first version"',
      'import a model around the gate',
    ],
  ]);
}

function registerRollback(models: Command, cli: Cli): void {
  const command = addRegistryOptions(
    models.command('rollback').description('publish an earlier version again, as the next version'),
  );
  addDecisionOptions(command)
    .option(
      '--to <version>',
      'the version to go back to (default: the newest earlier one with other content)',
      integer(1),
    )
    .action(cli.action<DecisionOptions>(async (run, options) => (await load()).rollback(run, options)));
  addExamples(command, [
    ['temper models rollback --to 4 --reason "version 5 misreads sevens"', 'go back to version 4'],
  ]);
}

function addDecisionOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why; written into the ledger')
    .option('--actor <name>', 'who; written into the ledger (default: TEMPER_ACTOR, or the user)')
    .option('--json', 'print the result as JSON');
}

function registerVerify(models: Command, cli: Cli): void {
  const meaning =
    "check every file, the hash chain and the store's copy of it; exits 1 and names what was changed";
  const command = addRegistryOptions(models.command('verify').description(meaning))
    .option('--with-store', 'fail when there is no store to compare with (default: say so)')
    .option('--json', 'print the result as JSON')
    .action(cli.action<VerifyOptions>(async (run, options) => (await load()).verifyModels(run, options)));
  addExamples(command, [
    ['temper models verify --registry models --model digits', 'check every file and the hash chain'],
    [
      'temper models verify --with-store',
      'the store must answer: it knows if the ledger was rewritten as a whole',
    ],
  ]);
}

function registerPrune(models: Command, cli: Cli): void {
  const command = addRegistryOptions(
    models
      .command('prune')
      .description(
        'delete old versions; never the serving one, the last gated one or what they would be rolled back to',
      ),
  )
    .option('--keep <versions>', 'how many of the newest stay (default: as in the configuration)', integer(1))
    .option('--dry-run', 'say what would be deleted, and delete nothing')
    .option('--actor <name>', 'who; written into the ledger (default: TEMPER_ACTOR, or the user)')
    .option('--json', 'print the result as JSON')
    .action(cli.action<PruneOptions>(async (run, options) => (await load()).pruneModel(run, options)));
  addExamples(command, [
    ['temper models prune --keep 5 --dry-run', 'what would go'],
    ['temper models prune', 'keep as many as the configuration says'],
  ]);
}
