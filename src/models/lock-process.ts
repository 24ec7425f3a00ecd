import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isErrno } from './registry-files.ts';

/** Enough to tell whether the process that wrote it still runs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Host, boot and process-id namespace: two containers that share a host name are different hosts here. */
  readonly host: string;
  /** When the process started, in the kernel's ticks; empty where there is no /proc. Tells a reused id apart. */
  readonly startedAt: string;
}

let own: ProcessIdentity | undefined;

export function ownProcess(): ProcessIdentity {
  own ??= { pid: process.pid, host: hostIdentity(), startedAt: startOf(readProcFile('self/stat')) };
  return own;
}

/**
 * Whether a process is known to have ended: `unknown` on another host. A zombie has ended: nobody will write for it.
 */
export async function processIsGone({
  pid,
  host,
  startedAt,
}: ProcessIdentity): Promise<'yes' | 'no' | 'unknown'> {
  if (host !== ownProcess().host || pid <= 0) return 'unknown';
  if (startedAt === '') return respondsToSignals(pid) ? 'no' : 'yes';
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8');
    const zombie = /\) [ZX] /.test(line);
    return zombie || startOf(line) !== startedAt ? 'yes' : 'no';
  } catch {
    return 'yes';
  }
}

function respondsToSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (caught) {
    // EPERM: it runs, as somebody else.
    return isErrno(caught, 'EPERM');
  }
}

function hostIdentity(): string {
  const boot = readProcFile('sys/kernel/random/boot_id').trim().slice(0, 8);
  return [hostname(), boot, pidNamespace()].filter((part) => part !== '').join('/');
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '';
  }
}

function readProcFile(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold spaces and brackets, so fields count from its end. */
function startOf(line: string): string {
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
