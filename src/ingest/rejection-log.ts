import type { Logger } from '../domain/logger.ts';
import type { Rejection } from './observer.ts';

/** Logs rejected records without letting a flood of them flood the log. */
export interface RejectionLog {
  log(rejection: Rejection): void;
}

/** The 1st, 2nd, 4th, 8th … rejection of each reason is logged, with the count so far; all of them are counted elsewhere. */
export function createRejectionLog(logger: Logger): RejectionLog {
  const seen = new Map<string, number>();
  return {
    log({ position, outcome, reason, detail }) {
      const count = (seen.get(reason) ?? 0) + 1;
      seen.set(reason, count);
      if (Number.isInteger(Math.log2(count)))
        logger.warn({ ...position, outcome, reason, detail, ofThisReason: count }, 'event_rejected');
    },
  };
}
