import { toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import { STAGES, type StageName } from '../../domain/run.ts';
import type { Metrics } from '../../http/metrics.ts';
import type { RequestWithRun } from '../../store/queries/runs.ts';

export interface HardenWatchOptions {
  readonly listRuns: () => Promise<readonly RequestWithRun[]>;
  readonly metrics: Pick<Metrics, 'setHardenLastSuccess' | 'setHardenStage'>;
  readonly logger: Logger;
  /** Default 15 s, a usual scrape interval. */
  readonly everyMs?: number;
}

const EVERY_MS = 15_000;

/**
 * Keeps the metrics of hardening as the store has them: the worker that hardens serves no metrics itself, may run as a job
 * that ends, and may have run before this process. Reads the store between scrapes, so that a scrape never waits for it.
 */
export function watchHardening(options: HardenWatchOptions): Running<void> {
  const { listRuns, metrics, logger, everyMs = EVERY_MS } = options;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      report(await listRuns(), metrics);
    } catch (caught) {
      logger.debug({ err: toError(caught) }, 'harden_watch_failed'); // the commit loop reports a store that is away
    } finally {
      looking = undefined;
    }
  };
  looking = look();
  const timer = setInterval(() => {
    looking ??= look();
  }, everyMs);
  return {
    value: undefined,
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

function report(requests: readonly RequestWithRun[], metrics: HardenWatchOptions['metrics']): void {
  const runs = requests.flatMap(({ run }) => run ?? []).sort((a, b) => a.atMs - b.atMs);
  const success = runs.findLast(({ state }) => state === 'promoted');
  if (success !== undefined) metrics.setHardenLastSuccess(success.atMs);
  for (const { detail } of runs)
    for (const [stage, seconds] of secondsOf(detail)) metrics.setHardenStage(stage, seconds);
}

/** Seconds of the finished stages that a worker wrote beside a run's state. */
function secondsOf(detail: unknown): [StageName, number][] {
  const seconds = (detail as { seconds?: Partial<Record<StageName, number>> } | null)?.seconds ?? {};
  return STAGES.flatMap((stage): [StageName, number][] => {
    const value = seconds[stage];
    return typeof value === 'number' ? [[stage, value]] : [];
  });
}
