import { toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import { STAGES, type StageName } from '../../domain/run.ts';
import type { HardenMetric, Metrics } from '../../http/metrics.ts';
import type { RequestWithRun } from '../../store/queries/runs.ts';
import { startPeriodic } from './periodic.ts';

export interface HardenWatchOptions {
  readonly listRuns: () => Promise<readonly RequestWithRun[]>;
  readonly metrics: Pick<Metrics, 'setHarden'>;
  readonly logger: Logger;
}

/**
 * Keeps the metrics of hardening as the store has them: the worker that hardens serves no metrics itself, may run as a job
 * that ends, and may have run before this process. Reads the store between scrapes, so that a scrape never waits for it.
 */
export function watchHardening({ listRuns, metrics, logger }: HardenWatchOptions): Running<void> {
  return startPeriodic(async () => {
    try {
      metrics.setHarden(summaryOf(await listRuns()));
    } catch (caught) {
      logger.debug({ err: toError(caught) }, 'harden_watch_failed'); // the commit loop reports a store that is away
    }
  });
}

function summaryOf(requests: readonly RequestWithRun[]): HardenMetric {
  const runs = requests.flatMap(({ run }) => run ?? []).sort((a, b) => a.atMs - b.atMs);
  const open = requests
    .filter(({ run }) => run === undefined || run.state === 'claimed')
    .map(({ request }) => request.requestedAtMs);
  return {
    lastSuccessMs: runs.findLast(({ state }) => state === 'promoted')?.atMs,
    state: runs.at(-1)?.state,
    oldestRequestMs: open.length === 0 ? undefined : Math.min(...open),
    stageSeconds: runs.flatMap(({ detail }) => secondsOf(detail)),
  };
}

/** Seconds of the finished stages that a worker wrote beside a run's state. */
function secondsOf(detail: unknown): [StageName, number][] {
  const seconds = (detail as { seconds?: Partial<Record<StageName, number>> } | null)?.seconds ?? {};
  return STAGES.flatMap((stage): [StageName, number][] => {
    const value = seconds[stage];
    return typeof value === 'number' ? [[stage, value]] : [];
  });
}
