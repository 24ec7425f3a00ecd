import type { RiskPoint } from '../../http/status-port.ts';
import type { JudgeStatus } from '../../monitoring/status.ts';

const POINTS = 300;

/** The first sentinel's risk over recent folds, for the chart of the status page. Bounded. */
export interface RiskHistory {
  record(status: JudgeStatus): void;
  /** As it is now: a report that is kept must not grow beyond the verdict that stands in it. */
  points(): readonly RiskPoint[];
}

export function createRiskHistory(): RiskHistory {
  const points: RiskPoint[] = [];
  return {
    record({ recipes: [first], foldsInAll, lastEventTimeMs, version }) {
      if (first === undefined || points.at(-1)?.fold === foldsInAll) return;
      const { value, lower, upper } = first.risk;
      points.push({
        fold: foldsInAll,
        timeMs: lastEventTimeMs ?? 0,
        version: version ?? 'unknown',
        value,
        lower,
        upper,
        baselineUpper: first.baseline?.upper,
      });
      if (points.length > POINTS) points.shift();
    },
    points: () => [...points],
  };
}
