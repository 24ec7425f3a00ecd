import { existsSync } from 'node:fs';

import { CONFIG_FILE, configPath, loadRunConfig, namedConfigOption } from '../config-file.ts';
import { bad, type Finding, type State } from '../doctor/finding.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { Style } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';
import { throwIfStopped } from '../run.ts';
import { formatTable } from '../table.ts';

interface DoctorOptions {
  /** Only when it was given: then it has to be there. */
  readonly config?: string;
  readonly json?: boolean;
}

/** `temper doctor`: tries everything that the configuration names. */
export const registerDoctor: CommandModule = (program, cli) => {
  const doctor = program
    .command('doctor')
    .description('try everything that the configuration names, and say how to mend what does not work')
    .helpGroup('Set up:')
    .addOption(namedConfigOption())
    .option('--json', 'print the findings as JSON')
    .action(cli.action(runDoctor));
  addExamples(doctor, [
    ['temper doctor', 'engine, stream, served model, registry, store, data'],
    ['temper doctor -c deploy/temper.yaml --json', 'for a script: exit code 3 when something is unreachable'],
  ]);
};

async function runDoctor(run: Run, options: DoctorOptions): Promise<ExitCode> {
  const { CHECKS, MACHINE_CHECKS } = await import('../doctor/checks.ts');
  const findings: Finding[] = [];
  for (const check of MACHINE_CHECKS) {
    throwIfStopped(run);
    findings.push(...(await check(run)));
  }
  const choice = { config: options.config ?? CONFIG_FILE };
  const isNamed = options.config !== undefined || (run.host.env['TEMPER_CONFIG'] ?? '') !== '';
  const path = configPath(run, choice);
  // Nobody named a configuration, and there is none where it is looked for: a first look at the machine.
  if (!isNamed && !existsSync(path)) findings.push(noConfiguration(path));
  else {
    const config = await loadRunConfig(run, choice);
    for (const check of CHECKS) {
      throwIfStopped(run);
      findings.push(...(await check(config, run)));
    }
  }
  if (options.json === true) printLine(run.stdout, JSON.stringify({ findings }, null, 2));
  else printFindings(run, findings);
  return exitCodeOfFindings(findings);
}

function noConfiguration(path: string): Finding {
  return bad('configuration', 'warn', {
    finding: `none at ${path}: only the machine was looked at`,
    fix: '`temper init` writes one; `temper demo` needs none',
  });
}

export function exitCodeOfFindings(findings: readonly Finding[]): ExitCode {
  const has = (state: State): boolean => findings.some((finding) => finding.state === state);
  if (has('unreachable')) return EXIT.unreachable;
  return has('fail') ? EXIT.refused : EXIT.done;
}

const STATE_STYLES: Readonly<Record<State, Style>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  unreachable: 'red',
};

function printFindings(run: Run, findings: readonly Finding[]): void {
  const { stdout } = run;
  const rows = findings.map(({ state, subject, finding }) => [
    styled(stdout, STATE_STYLES[state], state),
    subject,
    finding,
  ]);
  printLine(stdout, formatTable([{ title: 'state' }, { title: 'what' }, { title: 'finding' }], rows));
  const amiss = findings.filter(({ fix }) => fix !== undefined);
  if (amiss.length === 0) return;
  printLine(stdout, `\n${styled(stdout, 'bold', 'What to do')}`);
  for (const { subject, state, fix } of amiss)
    printLine(stdout, `  ${styled(stdout, STATE_STYLES[state], subject)}: ${fix ?? ''}`);
}
