import { Option } from 'commander';

import { configOption } from '../config-file.ts';
import { addAdversaryOptions, addExamples, collect, integer, list, positive, share } from '../options.ts';
import type { CommandModule } from '../run.ts';
import type { EvaluateCommandOptions } from './evaluate-work.ts';

/** `temper evaluate`: attack a model on a data set. */
export const registerEvaluate: CommandModule = (program, cli) => {
  const evaluate = program
    .command('evaluate')
    .description(
      'attack a model on a data set: accuracy under each attack and under all of them, with intervals',
    )
    .helpGroup('Evaluate and govern:')
    .requiredOption(
      '-m, --model <model>',
      'folder of a tfjs layers model, name[@version] of the registry, or URL of a served model, for attacks on scores alone',
    )
    .requiredOption('-d, --data <name>', 'data set: mnist:test, or file:<folder>')
    .option('-n, --samples <n>', 'the first n examples of the data set (default: 1000, or all)', integer(1))
    .option('--shuffle', 'draw the examples at random, which the intervals assume')
    .addOption(
      new Option('--norm <norm>', 'norm of the perturbation')
        .choices(['linf', 'l2', 'l1', 'l0'])
        .default('linf'),
    )
    .requiredOption('-e, --epsilon <size>', 'largest perturbation, in units of input and norm', positive)
    .option(
      '-a, --attacks <names>',
      'suites and recipes, separated by commas; see `temper attack --list` (default: pgd-40x5,apgd-ce,square-2000; for a URL square-1000)',
      list,
    )
    .option(
      '--recipes <file>',
      'recipe file whose recipes and suites --attacks may name; may be repeated',
      collect,
    )
    .option(
      '--query-budget <n>',
      'most questions to the model per example and attack (default: what the attacks want; for a URL 1000)',
      integer(1),
    )
    .option('--seed <n>', 'seed of every random draw', integer(0), 0)
    .option('--confidence <share>', 'coverage of the intervals', share, 0.95)
    .option('--survivors', 'run each attack only on what those before left: the same worst case, sooner')
    .option(
      '--certify',
      'prove first what no attack can break, by interval bounds; what is proved is not attacked',
    )
    .option(
      '--masking',
      'look for gradient masking too: on suspicion, harder attacks with and without gradients on 200 examples',
    )
    .option(
      '--corruptions',
      'measure accuracy under common corruptions too: noise, blur, contrast, JPEG, turned and shifted, at severities 1 to 5',
    )
    .option('--json <file>', 'write result.json')
    .option('--report <file>', 'write an HTML report with pictures')
    .option('--per-example <file.npz>', 'write what was counted, one value per example, for NumPy')
    .option(
      '--require <rule>',
      "exit 1 unless it holds, e.g. 'worst_case.lower >= 0.85'; may be repeated",
      collect,
    )
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
      cli.action<EvaluateCommandOptions>(async (run, options) => {
        const { runEvaluate } = await import('./evaluate-work.ts');
        return runEvaluate(run, options);
      }),
    );
  addAdversaryOptions(evaluate);
  addExamples(evaluate, EXAMPLES);
};

const EXAMPLES: Parameters<typeof addExamples>[1] = [
  [
    'temper evaluate --model models/digits/3 --data mnist:test --epsilon 0.3',
    'the default suite on 1,000 test digits',
  ],
  [
    'temper evaluate -m digits@3 -d mnist:test -e 0.3 -a autoattack-standard',
    'the verdict that papers report',
  ],
  [
    'temper evaluate -m digits@3 -d mnist:test -n 200 -e 0.3 -a apgd-ce,square-1000 --report report.html',
    'a version of the registry, with a report',
  ],
  [
    "temper evaluate -m digits -d mnist:test -e 0.3 -a 'pgd?steps=20&loss=margin,spatial' --recipes mine.yaml",
    'any attack of the catalogue with its parameters; docs/attacks.md has them all',
  ],
  [
    'temper evaluate -m digits -d mnist:test -e 0.3 -a apgd-ce --criterion targeted:3 --defence bits:3',
    'towards one class, through preprocessing that rounds to three bits',
  ],
  [
    'temper evaluate -m digits -d mnist:test -e 0.3 --per-example examples.npz',
    'predictions, successes, distances and queries of every example: numpy.load("examples.npz")',
  ],
  [
    'temper evaluate -m http://localhost:8501/v1/models/digits -d mnist:test -n 100 -e 0.3 --query-budget 500',
    'a served model, without its files: attacks on scores alone, at most 60,000 rows a minute',
  ],
  [
    "temper evaluate -m digits -d mnist:test -e 0.3 --json result.json --require 'worst_case.lower >= 0.75'",
    'as a gate in CI: exit code 1 when it does not hold',
  ],
];
