import type { Pace } from './pace.ts';
import { hasExpired, type Expiry, type PendingSample } from './slot.ts';

export interface AdmitOptions extends Expiry {
  readonly pace: Pace;
}

/**
 * Which of the samples that wait are brought to an outcome now, in their order: those that have expired, because that
 * costs nothing, and of the others as many as the pace grants. If the expired took from the budget, a stream that
 * brings more than the budget would end with nothing probed at all: whatever came to its turn would be too old.
 */
export function admit<T extends PendingSample>(
  waiting: readonly T[],
  { pace, ...expiry }: AdmitOptions,
): T[] {
  const fresh = waiting.filter((entry) => !hasExpired(entry, expiry));
  const granted = new Set(fresh.slice(0, pace.take(fresh.length)));
  return waiting.filter((entry) => granted.has(entry) || hasExpired(entry, expiry));
}
