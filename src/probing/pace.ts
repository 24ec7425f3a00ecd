import type { Clock } from '../domain/clock.ts';

/**
 * Limits how many samples are probed: in no minute, wherever it begins, more than the budget. A budget below one sample
 * a minute is one sample in a longer time. What was not used is not saved up beyond that.
 */
export interface Pace {
  /** How many of `wanted` may be probed now; they count as probed. */
  take(wanted: number): number;
  /** Share of the budget that is left, in [0, 1]. */
  remaining(): number;
}

const MINUTE_MS = 60_000;

interface Grant {
  readonly atMs: number;
  readonly count: number;
}

/**
 * Remembers what it granted during the last minute, and grants what is left of the budget. A bucket that refills would
 * be smaller, but lets twice the budget through in the minute after a silence.
 *
 * @param perMinute samples, at least 0; fractions above 1 are cut off, because nobody probes half a sample
 */
export function createPace(perMinute: number, clock: Clock): Pace {
  const most = perMinute > 0 ? Math.max(1, Math.floor(perMinute)) : 0;
  const windowMs = MINUTE_MS / Math.min(1, perMinute);
  let grants: readonly Grant[] = [];
  let seenMs = clock.nowMs();
  let elapsedMs = 0;
  const left = (): number => {
    const nowMs = clock.nowMs();
    // A clock that is set back must neither stop the pace nor give the same minute twice.
    elapsedMs += Math.max(0, nowMs - seenMs);
    seenMs = nowMs;
    grants = grants.filter(({ atMs }) => elapsedMs - atMs < windowMs);
    return grants.reduce((rest, { count }) => rest - count, most);
  };
  return {
    take(wanted) {
      const granted = Math.max(0, Math.min(Math.floor(wanted), left()));
      if (granted > 0) grants = [...grants, { atMs: elapsedMs, count: granted }];
      return granted;
    },
    remaining: () => (most === 0 ? 0 : left() / most),
  };
}
