import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Where Linux keeps the CPU limit of a container: quota and period in microseconds, or "max". */
const CPU_LIMIT_FILE = '/sys/fs/cgroup/cpu.max';

/**
 * Cores that this process may use: those of its affinity, bounded by the container's CPU limit, which Node 20 ignores. At
 * least 1.
 */
export function availableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), containerCores(readLimit())));
}

/** @param limit content of `cpu.max`     @returns whole cores, at least 1; Infinity without a limit */
export function containerCores(limit: string | undefined): number {
  const [quota, period] = (limit ?? 'max').trim().split(/\s+/).map(Number);
  const cores = quota! / (period ?? Number.NaN);
  return Number.isFinite(cores) ? Math.max(1, Math.floor(cores)) : Number.POSITIVE_INFINITY;
}

function readLimit(): string | undefined {
  try {
    return readFileSync(CPU_LIMIT_FILE, 'utf8');
  } catch {
    return undefined; // not Linux, or no limit is set
  }
}
