import type { Running } from '../../domain/lifecycle.ts';

/** A usual scrape interval. */
const EVERY_MS = 15_000;
/** Looking is to take at most a twentieth of the time. */
const REST = 20;

/**
 * Does something now and again and again: never two at once, the next one `everyMs` after the last has ended, or twenty
 * times as long as it took if that is longer. `work` must not reject.
 */
export function startPeriodic(work: () => Promise<void>, everyMs: number = EVERY_MS): Running<void> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let current: Promise<void>;
  const run = async (): Promise<void> => {
    const startedAtMs = performance.now();
    await work();
    const delayMs = Math.max(everyMs, REST * (performance.now() - startedAtMs));
    if (isStopped) return;
    timer = setTimeout(() => {
      current = run();
    }, delayMs);
    timer.unref();
  };
  current = run();
  return {
    value: undefined,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
