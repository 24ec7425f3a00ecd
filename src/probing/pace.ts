import type { Clock } from '../domain/clock.ts';

/** Limits how many samples are probed per minute: a bucket that refills steadily and holds at most one minute's worth. */
export interface Pace {
  /** How many of `wanted` may be probed now; they are taken from the bucket. */
  take(wanted: number): number;
  /** Share of the minute's budget that is left, in [0, 1]. */
  remaining(): number;
}

export function createPace(perMinute: number, clock: Clock): Pace {
  let tokens = perMinute;
  let filledAtMs = clock.nowMs();
  const refill = (): void => {
    const nowMs = clock.nowMs();
    tokens = Math.min(perMinute, tokens + ((nowMs - filledAtMs) / 60_000) * perMinute);
    filledAtMs = nowMs;
  };
  return {
    take(wanted) {
      refill();
      const granted = Math.min(wanted, Math.floor(tokens));
      tokens -= granted;
      return granted;
    },
    remaining() {
      refill();
      return tokens / perMinute;
    },
  };
}
