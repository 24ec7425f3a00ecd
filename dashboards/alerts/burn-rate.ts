import { FROM_LABELS, type Alert, type AlertExpression, type RunbookEntry, type Series } from './rule.ts';

export interface BurnRateFacts {
  readonly name: string;
  readonly summary: string;
  /** What the share is of: "of the events are dead letters". */
  readonly words: string;
  /** Share that may fail for good, e.g. 0.01. */
  readonly budget: number;
  /** Ratio of failures to attempts over a window, by job and instance. */
  readonly ratio: (window: string) => string;
  readonly dashboard: string;
  readonly runbook: RunbookEntry;
  /** Series of the cases: attempts and failures, as values a minute apart. */
  readonly series: (attempts: string, failures: string) => Series;
}

/**
 * How fast the budget of a month burns, over a long window that gives certainty and a short one that ends the alert soon
 * after the trouble has ended. The fast pairs are work for today, the slow ones for this week: nobody's request fails
 * here, so none of them wakes anybody.
 *
 * @see the SRE workbook, "Alerting on SLOs", 6: multiwindow, multi-burn-rate alerts
 */
const LADDER = [
  { factor: 14.4, long: '1h', short: '5m', wait: '2m', severity: 'warning' },
  { factor: 6, long: '6h', short: '30m', wait: '15m', severity: 'warning' },
  { factor: 3, long: '1d', short: '2h', wait: '1h', severity: 'info' },
  { factor: 1, long: '3d', short: '6h', wait: '3h', severity: 'info' },
] as const;

export function burnRateAlert(facts: BurnRateFacts): Alert {
  const { name, summary, words, budget, ratio, dashboard, runbook, series } = facts;
  const describe = (window: string, share: string, instance: string): string =>
    `In the last ${window} ${share} ${words} at ${instance}; the budget is ${100 * budget} %.`;
  const describeNow = (window: string): string =>
    describe(window, '{{ $value | humanizePercentage }}', '{{ $labels.instance }}');
  const rules = LADDER.map(({ factor, long, short, wait, severity }): AlertExpression => {
    // Rounded, so that 14.4 × 0.05 is written as 0.72.
    const level = Number((factor * budget).toPrecision(6));
    return {
      expr: `${ratio(long)} > ${level} and ${ratio(short)} > ${level}`,
      wait,
      severity,
      labels: { long, short },
      description: describeNow(long),
    };
  });
  const fired = (long: string, short: string, severity: string): Readonly<Record<string, string>> => ({
    ...FROM_LABELS,
    severity,
    long,
    short,
  });
  return {
    name,
    rules,
    summary,
    description: describeNow(LADDER[0].long),
    dashboard,
    runbook,
    fires: [
      {
        series: series('0+100x30', '0+100x30'),
        at: '10m',
        labels: fired('1h', '5m', 'warning'),
        description: describe('1h', '100%', 'a:9464'),
      },
    ],
    quiet: [
      // Within the budget.
      { series: series('0+1000x60', `0+${900 * budget}x60`), at: '30m' },
      // It was bad, and it is over: the short windows of the fast pairs have seen nothing for a while.
      { series: series('0+100x60', '0+100x8 800+0x50'), at: '41m' },
    ],
  };
}

/** Failures over attempts, by sidecar. */
export function ratioOf(failures: string, attempts: string): (window: string) => string {
  const rate = (selector: string, window: string): string =>
    `sum by (job, instance) (rate(${selector}[${window}]))`;
  return (window) => `${rate(failures, window)} / ${rate(attempts, window)}`;
}
