/** `critical` wakes somebody, `warning` is work for the day, `info` is worth knowing. */
export type Severity = 'critical' | 'warning' | 'info';

/** What a person on call reads, in this order. */
export interface RunbookEntry {
  /** What it means that this alert fires. */
  readonly meaning: string;
  /** Where to look first: panels, commands, and what to expect there. */
  readonly firstLook: readonly string[];
  /** What has to be decided, and by what. */
  readonly decision: string;
  /** What to do in each case. */
  readonly remedy: readonly string[];
}

/** Series as promtool's unit tests have them: name with labels, and values a minute apart. */
export type Series = Readonly<Record<string, string>>;

/** A moment at which an alert must fire, with every word of it. */
export interface FiringCase {
  readonly series: Series;
  readonly at: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
}

/** A moment at which an alert must not fire, although it nearly would. */
export interface QuietCase {
  readonly series: Series;
  readonly at: string;
}

/** One alert, with its entry in the runbook and the cases that prove it. */
export interface Alert {
  readonly name: string;
  /** Several expressions with waits of their own share a name: windows of a burn rate. */
  readonly rules: readonly AlertExpression[];
  /** One sentence, the same for every firing. */
  readonly summary: string;
  /** A template: names model, cause, numbers. */
  readonly description: string;
  /** Dashboard that shows it, by its file. */
  readonly dashboard: string;
  readonly runbook: RunbookEntry;
  readonly fires: readonly FiringCase[];
  readonly quiet: readonly QuietCase[];
}

export interface AlertExpression {
  readonly expr: string;
  /** How long it has to hold before it fires; absent: at once. */
  readonly wait?: string;
  readonly severity: Severity;
  readonly labels?: Readonly<Record<string, string>>;
  /** Instead of the alert's own description. */
  readonly description?: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

/** The job that Prometheus scrapes the sidecars under; `generate` puts another one in its place. */
export const JOB = 'job="temper"';

/** Labels of every series of a sidecar in the cases. */
export const FROM = 'job="temper",instance="a:9464"';
export const FROM_LABELS = { job: 'temper', instance: 'a:9464' };
