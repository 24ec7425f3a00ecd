import { FROM, FROM_LABELS, JOB } from './rule.ts';

/** Aggregation and matching by sidecar. */
export const BY = 'by (job, instance)';
export const ON = 'on (job, instance)';
/** Samples taken in a window, by sidecar. */
export const sampled = (window: string): string =>
  `sum ${BY} (increase(temper_events_total{${JOB},outcome="sampled"}[${window}]))`;
/** Labels of the alerts of the cases. */
export const WARNING = { ...FROM_LABELS, severity: 'warning' };
/** Series of the cases. */
export const SAMPLED = `temper_events_total{${FROM},outcome="sampled"}`;
export const HELD = `temper_probes_total{${FROM},model="digits",recipe="pgd-20",role="sentinel",result="held"}`;
