import { EventEmitter } from 'node:events';

import type { CliHost } from '../../../src/cli/run.ts';
import type { Output } from '../../../src/cli/output.ts';

export interface MemoryOutput extends Output {
  readonly text: () => string;
}

export function memoryOutput(
  options: { isTerminal?: boolean; hasColor?: boolean; columns?: number } = {},
): MemoryOutput {
  let written = '';
  return {
    isTerminal: options.isTerminal ?? false,
    hasColor: options.hasColor ?? false,
    columns: options.columns ?? 110,
    write: (text) => {
      written += text;
    },
    text: () => written,
  };
}

export interface MemoryHost extends CliHost {
  readonly stdout: MemoryOutput;
  readonly stderr: MemoryOutput;
  readonly signals: EventEmitter;
  readonly exits: number[];
}

/** A host in memory: the process of a test. */
export function memoryHost(options: { cwd?: string; env?: Record<string, string> } = {}): MemoryHost {
  const exits: number[] = [];
  return {
    env: options.env ?? {},
    cwd: options.cwd ?? '/nowhere',
    stdout: memoryOutput(),
    stderr: memoryOutput(),
    pid: 1,
    node: { path: 'node', version: 'v20.19.0' },
    clock: { nowMs: () => 0 },
    signals: new EventEmitter(),
    exits,
    hardExit: (code) => {
      exits.push(code);
    },
  };
}
