import { AppError } from '../../domain/errors.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';
import { formatTable } from '../table.ts';

interface AttackOptions {
  readonly list?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** `temper attack --list`: the catalogue. */
export const registerAttack: CommandModule = (program, cli) => {
  const attack = program
    .command('attack')
    .description('the attacks and ready-made recipes that evaluate, probe and harden can use')
    .helpGroup('Evaluate and govern:')
    .option('-l, --list', 'list every attack with its access, norms and threat class')
    .option('--json', 'print the list as JSON, with every parameter')
    .option('--markdown', 'print the reference of docs/attacks.md')
    .action(cli.action(listAttacks));
  addExamples(attack, [
    ['temper attack --list', 'every attack, and how recipes are named'],
    ['temper attack --list --json', 'with parameters, ranges and defaults'],
  ]);
};

async function listAttacks(run: Run, { list, json, markdown }: AttackOptions): Promise<undefined> {
  if (list !== true)
    throw new AppError(
      'TEMPER_USAGE',
      'expected --list, got nothing to do; `temper evaluate` attacks a model',
    );
  if (markdown === true) {
    const { cataloguePage } = await import('../../attacks/catalogue-page.ts');
    run.stdout.write(cataloguePage());
    return undefined;
  }
  const [{ CATALOGUE }, { PRESET_FORMS }, { SUITES }, { DEFENCES }] = await Promise.all([
    import('../../attacks/catalogue.ts'),
    import('../../attacks/presets.ts'),
    import('../../evaluation/suites.ts'),
    import('../../attacks/defences.ts'),
  ]);
  if (json === true) {
    const { z } = await import('zod');
    const attacks = CATALOGUE.map(
      ({ name, summary, access, norms, kind, limits, threatClass, parameters }) => ({
        name,
        summary,
        access,
        norms,
        kind,
        limits: limits ?? 'threat-model',
        threatClass,
        parameters: z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' }),
      }),
    );
    printLine(
      run.stdout,
      JSON.stringify({ attacks, recipes: PRESET_FORMS, suites: SUITES, defences: DEFENCES }, null, 2),
    );
    return undefined;
  }
  const rows = CATALOGUE.map(({ name, access, norms, limits, threatClass, summary }) => [
    styled(run.stdout, 'bold', name),
    access,
    limits === 'own' ? 'own limits' : norms.join(' '),
    shortClass(threatClass),
    summary,
  ]);
  printLine(
    run.stdout,
    formatTable(
      ['attack', 'needs', 'norms', 'class', 'what it does'].map((title) => ({ title })),
      rows,
    ),
  );
  printLine(run.stdout, '');
  printLine(
    run.stdout,
    formatTable(
      ['suite', 'version', 'norms', 'attacks, each on what those before left', 'what it is'].map((title) => ({
        title,
      })),
      SUITES.map(({ name, version, norms, members, summary }) => [
        styled(run.stdout, 'bold', name),
        version,
        norms.join(' '),
        members.map((member) => member.name).join(' '),
        summary,
      ]),
    ),
  );
  printLine(run.stdout, `\nReady-made recipes: ${PRESET_FORMS.join(', ')}`);
  printLine(run.stdout, `Defences for --defence: ${DEFENCES.map(({ form }) => form).join(', ')}`);
  return undefined;
}

/** `AML.T0043.000, NISTAML.022`: the identifiers, without the words that --json has. */
function shortClass(threatClass: string): string {
  return (threatClass.match(/(?:AML\.T|NISTAML\.)[\d.]+/g) ?? [threatClass]).join(', ');
}
