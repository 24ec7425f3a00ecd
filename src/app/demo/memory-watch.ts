import { readdirSync, readFileSync } from 'node:fs';
import type { Running } from '../../domain/lifecycle.ts';

const PAGE_BYTES = 4096;

export interface MemoryWatch {
  /** Largest sum of resident memory seen over this process and everything it started, bytes; 0 where /proc is missing. */
  peakBytes(): number;
}

/** Samples the resident memory of a process tree. Needs /proc (Linux); elsewhere it measures nothing and says 0. */
export function watchMemory(rootPids: () => readonly number[], everyMs = 500): Running<MemoryWatch> {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, treeBytes(rootPids()));
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return {
    value: { peakBytes: () => peak },
    stop: () => {
      look();
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}

function treeBytes(roots: readonly number[]): number {
  const processes = listProcesses();
  const members = new Set(roots);
  // Parents have lower numbers than children nearly always, but not after a wrap: repeat until nothing is added.
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid);
  }
  return processes.reduce((sum, { pid, bytes }) => (members.has(pid) ? sum + bytes : sum), 0);
}

function listProcesses(): { pid: number; parent: number; bytes: number }[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap(readProcess);
  } catch {
    return [];
  }
}

function readProcess(name: string): { pid: number; parent: number; bytes: number }[] {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    // The command name may hold spaces and parentheses; the fields after its closing parenthesis are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid: Number(name), parent: Number(fields[1]), bytes: Number(fields[21]) * PAGE_BYTES }];
  } catch {
    return []; // ended between listing and reading
  }
}
