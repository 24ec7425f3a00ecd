#!/usr/bin/env node
import { systemClock } from '../domain/clock.ts';
import type { Output } from './output.ts';
import { runCommandLine } from './program.ts';

/** How long open handles may keep a finished process alive. */
const LINGER_MS = 2000;

/** The only place that touches `process`: everything below is given what it needs. */
async function main(): Promise<void> {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    env: process.env,
    cwd: process.cwd(),
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    clock: systemClock,
    signals: process,
    pid: process.pid,
    node: { path: process.execPath, version: process.version },
    hardExit: (code) => process.exit(code),
  });
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // A reader that has seen enough (`temper … | head`) is no error.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // Absent when the stream is no terminal, whatever its type says.
  const isTerminal = (stream.isTTY as boolean | undefined) ?? false;
  const noColor = process.env['NO_COLOR'];
  return {
    isTerminal,
    get columns() {
      return (stream.columns as number | undefined) ?? 110;
    },
    hasColor: isTerminal && (noColor === undefined || noColor === ''),
    write: (text) => {
      stream.write(text);
    },
  };
}

if (require.main === module) void main();
