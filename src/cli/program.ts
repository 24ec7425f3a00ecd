import { Command, CommanderError, Option } from 'commander';

import { COMMANDS } from './commands/list.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { LOG_FORMATS, LOG_LEVELS } from './logger.ts';
import { printLine, styled } from './output.ts';
import { createCli } from './run.ts';
import type { CliHost, CommandModule } from './run.ts';
import { packageVersion } from './version.ts';

const DESCRIPTION = `Keeps a deployed classifier robust: probes production inputs adversarially, notices when robustness
degrades, says why, hardens the model and promotes it through a gate.`;

const CLOSING = `
Exit codes: 0 done and within requirements, 1 a requirement, gate or verdict says no, 2 wrong usage or configuration,
3 something it depends on is unreachable, 130 interrupted (can be resumed).`;

/** Runs one command line (without node and script) on a host and resolves to its exit code. Never throws. */
export async function runCommandLine(argv: readonly string[], host: CliHost): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(host, COMMANDS, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (caught) {
    if (caught instanceof CommanderError) return caught.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw caught;
  }
}

/** The whole command tree. */
export function createProgram(
  host: CliHost,
  modules: readonly CommandModule[],
  finish: (code: ExitCode) => void,
): Command {
  const program = new Command('temper');
  program
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show what a command takes')
    .addHelpText('after', CLOSING)
    .showHelpAfterError('Add --help to see what it takes.')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: (text) =>
        printLine(host.stderr, text.trimEnd().replace(/^error:/, styled(host.stderr, 'red', 'error:'))),
      getOutHelpWidth: () => Math.min(host.stdout.columns, 110),
      getErrHelpWidth: () => Math.min(host.stderr.columns, 110),
    })
    .exitOverride();
  const cli = createCli(host, finish);
  for (const register of modules) register(program, cli);
  for (const leaf of leavesOf(program)) addLogOptions(leaf);
  return program;
}

/** Commands that do work, as opposed to those that only group others. */
function leavesOf(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

function addLogOptions(command: Command): void {
  command
    .addOption(new Option('--log-level <level>', 'least important level that is logged').choices(LOG_LEVELS))
    .addOption(
      new Option('--log-format <format>', 'JSON lines, readable text, or what fits the output').choices(
        LOG_FORMATS,
      ),
    );
}
