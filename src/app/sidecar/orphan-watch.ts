import { toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Metrics } from '../../http/metrics.ts';
import type { Store } from '../../store/store.ts';
import { startPeriodic } from './periodic.ts';

export interface OrphanWatchOptions {
  readonly model: string;
  readonly store: Pick<Store, 'countOrphans'>;
  /** Latest event time, ms; undefined before the first event. */
  readonly lastEventTimeMs: () => number | undefined;
  readonly metrics: Pick<Metrics, 'setOrphans'>;
  readonly logger: Logger;
}

const WINDOW_MS = 2 * 3_600_000;
/** A label may be in the store before its sample, which came from another partition. */
const GRACE_MS = 60_000;

/**
 * Keeps the share of labels and responses without a sample: when ids do not match, nothing is wrong with any one record,
 * and labels are silently missing from everything that needs them.
 */
export function watchOrphans(options: OrphanWatchOptions): Running<void> {
  const { model, store, lastEventTimeMs, metrics, logger } = options;
  return startPeriodic(async () => {
    const lastMs = lastEventTimeMs();
    if (lastMs === undefined) return;
    try {
      const counts = await store.countOrphans({ model, fromMs: lastMs - WINDOW_MS, toMs: lastMs - GRACE_MS });
      const ratios = counts.flatMap(({ kind, records, orphans }) =>
        records === 0 ? [] : [[kind, orphans / records] as const],
      );
      metrics.setOrphans(Object.fromEntries(ratios));
    } catch (caught) {
      logger.debug({ err: toError(caught) }, 'orphan_watch_failed'); // the commit loop reports a store that is away
    }
  });
}
