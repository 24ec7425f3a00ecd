import { Option } from 'commander';
import { configOption } from '../config-file.ts';
import { addAdversaryOptions, addExamples, integer, positive } from '../options.ts';
import type { CommandModule } from '../run.ts';
import type { ExploreCommandOptions } from './explore-work.ts';

/** `temper explore`: look for attacks that nobody wrote down, against one model. */
export const registerExplore: CommandModule = (program, cli) => {
  const explore = program
    .command('explore')
    .description(
      'look for recipes that break a model better than the known ones at equal cost, and write them down',
    )
    .helpGroup('Evaluate and govern:')
    .requiredOption('-m, --model <model>', 'folder of a tfjs layers model, or name[@version] of the registry')
    .requiredOption('-d, --data <name>', 'data set that it searches on, e.g. mnist:validation')
    .option('-n, --samples <n>', 'the first n examples of it (default: 1000, or all)', integer(1))
    .addOption(
      new Option('--norm <norm>', 'norm of the perturbation').choices(['linf', 'l2', 'l1']).default('linf'),
    )
    .requiredOption('-e, --epsilon <size>', 'largest perturbation, in units of input and norm', positive)
    .option('--seed <n>', 'seed of every random draw', integer(0), 0)
    .option('--rows <n>', 'examples that candidates are compared on (default: 64)', integer(1))
    .option('--generations <n>', 'rounds of the search (default: 3)', integer(1))
    .option('--candidates <n>', 'recipes that a round begins with (default: 27)', integer(1))
    .option('--final-gradients <n>', 'gradients per example of a find (default: 100)', integer(1))
    .option(
      '--portfolio-compute <n>',
      'most that the portfolio costs per example, in forward passes (default: 2900, a quarter of autoattack-standard)',
      integer(1),
    )
    .option('--gradients <n>', 'no new round beyond so many gradients in all (default: 5000000)', integer(1))
    .option(
      '--forwards <n>',
      'no new round beyond so many forward passes in all (default: 20000000)',
      integer(1),
    )
    .option('-o, --output <file>', 'recipe file that is written', 'explored.json')
    .option(
      '--trials <file>',
      'what was tried, so that an interrupted search goes on (default: <output>.trials)',
    )
    .option('--name <name>', 'name of the pack and its suite', 'explored')
    .option('--pack-version <version>', 'version of the pack: a feed takes only newer ones', '1')
    .option('--sign <name=file>', 'sign the pack with a private Ed25519 key (PEM), under this name')
    .option('--json', 'print what was found as JSON')
    .option('--workers <n>', 'compute processes (default: from engine and cores)', integer(1, 256))
    .addOption(
      new Option(
        '--engine <name>',
        'compute engine (default: TEMPER_ENGINE, or the fastest that works)',
      ).choices(['tensorflow', 'wasm']),
    )
    .option('-r, --registry <dir>', 'the registry, for name[@version] (default: as in the configuration)')
    .addOption(configOption())
    .action(
      cli.action<ExploreCommandOptions>(async (run, options) => {
        const { runExplore } = await import('./explore-work.ts');
        return runExplore(run, options);
      }),
    );
  addAdversaryOptions(explore);
  addExamples(explore, EXAMPLES);
};

const EXAMPLES: Parameters<typeof addExamples>[1] = [
  [
    'temper explore -m digits@3 -d mnist:validation -e 0.3 -o feed/digits.json',
    'a search of some minutes; the same command goes on where it was interrupted',
  ],
  [
    'temper evaluate -m digits@3 -d mnist:test -e 0.3 --recipes feed/digits.json -a explored',
    'its portfolio as a suite, on other data',
  ],
  [
    'temper explore -m digits@3 -d mnist:validation -e 0.3 --pack-version 2 --sign team=key.pem -o feed/digits.json',
    'signed, for a feed that asks for signatures',
  ],
];
