import { AppError } from '../../domain/errors.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';
import { formatTable } from '../table.ts';

interface AttackOptions {
  readonly list?: boolean;
  readonly json?: boolean;
}

/** `temper attack --list`: the catalogue. */
export const registerAttack: CommandModule = (program, cli) => {
  const attack = program
    .command('attack')
    .description('the attacks and ready-made recipes that evaluate, probe and harden can use')
    .helpGroup('Evaluate and govern:')
    .option('-l, --list', 'list every attack with its access, norms and threat class')
    .option('--json', 'print the list as JSON, with every parameter')
    .action(cli.action(listAttacks));
  addExamples(attack, [
    ['temper attack --list', 'every attack, and how recipes are named'],
    ['temper attack --list --json', 'with parameters, ranges and defaults'],
  ]);
};

async function listAttacks(run: Run, { list, json }: AttackOptions): Promise<undefined> {
  if (list !== true)
    throw new AppError(
      'TEMPER_USAGE',
      'expected --list, got nothing to do; `temper evaluate` attacks a model',
    );
  const [{ ATTACKS }, { PRESET_FORMS }, { SUITES }] = await Promise.all([
    import('../../attacks/catalogue.ts'),
    import('../../attacks/presets.ts'),
    import('../../evaluation/suites.ts'),
  ]);
  if (json === true) {
    const { z } = await import('zod');
    const attacks = ATTACKS.map(({ name, summary, access, norms, kind, threatClass, parameters }) => ({
      name,
      summary,
      access,
      norms,
      kind,
      threatClass,
      parameters: z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' }),
    }));
    printLine(run.stdout, JSON.stringify({ attacks, recipes: PRESET_FORMS, suites: SUITES }, null, 2));
    return undefined;
  }
  const rows = ATTACKS.map(({ name, access, norms, summary }) => [
    styled(run.stdout, 'bold', name),
    access,
    norms.join(' '),
    summary,
  ]);
  printLine(
    run.stdout,
    formatTable(
      ['attack', 'needs', 'norms', 'what it does'].map((title) => ({ title })),
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
  return undefined;
}
