import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { RUN_STATES } from '../domain/run.ts';
import { CAUSES, VERDICTS } from '../domain/verdict.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS, EVENT_OUTCOMES } from '../ingest/events.ts';
import { MONITOR_KINDS } from '../monitoring/cause.ts';
import { CHANNEL_KINDS } from '../monitoring/delivery/channel.ts';
import { SWITCHES } from '../probing/permit.ts';
import { METRICS } from './metric-definitions.ts';
import type { MetricDefinition, MetricKey } from './metric-definitions.ts';

export const PROBE_RESULTS = ['broken', 'held', 'unprobeable', 'expired'] as const;
export const ORPHAN_KINDS = ['label', 'response'] as const;
const DELIVERY_RESULTS = ['delivered', 'failed', 'abandoned'] as const;

/** One prom-client object per definition. */
export interface Instruments {
  readonly gauge: (key: MetricKey) => Gauge;
  readonly counter: (key: MetricKey) => Counter;
  readonly histogram: (key: MetricKey) => Histogram;
}

export function createInstruments(registry: Registry): Instruments {
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  for (const { name, help, labels, type, buckets = [] } of Object.values<MetricDefinition>(METRICS)) {
    const settings = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'gauge') gauges.set(name, new Gauge(settings));
    else if (type === 'counter') counters.set(name, new Counter(settings));
    else histograms.set(name, new Histogram({ ...settings, buckets: [...buckets] }));
  }
  return {
    gauge: (key) => gauges.get(METRICS[key].name)!,
    counter: (key) => counters.get(METRICS[key].name)!,
    histogram: (key) => histograms.get(METRICS[key].name)!,
  };
}

/** Why probes are not sent. */
export const PAUSE_REASONS = ['load', 'circuit_open', ...SWITCHES] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

export interface KnownLabels {
  readonly model: string;
  /** Names of the sentinels: the closed set of recipe labels, with `explorer` and `other`. */
  readonly sentinels: readonly string[];
  readonly build: { readonly version: string; readonly engine: string };
}

/** Sets every label value that can occur to 0, and takes away what would claim a measurement that nobody made. */
export function initialise({ gauge, counter }: Instruments, { model, sentinels, build }: KnownLabels): void {
  // A gauge without labels begins at 0, which would claim a measurement; removing its one series makes it absent.
  for (const key of UNMEASURED) gauge(key).remove({});
  gauge('failedPartitions').set(0);
  gauge('alertsWaiting').set(0);
  for (const verdict of VERDICTS)
    gauge('verdict').set({ model, verdict }, verdict === 'insufficient_data' ? 1 : 0);
  for (const cause of CAUSES) gauge('cause').set({ model, cause }, 0);
  for (const monitor of MONITOR_KINDS) gauge('alarms').set({ model, monitor }, 0);
  for (const reason of PAUSE_REASONS) gauge('probingPaused').set({ reason }, 0);
  for (const state of RUN_STATES) gauge('hardenState').set({ state }, 0);
  for (const outcome of EVENT_OUTCOMES) counter('events').inc({ outcome }, 0);
  for (const reason of [...DROP_REASONS, ...DEAD_LETTER_REASONS])
    counter('rejectedEvents').inc({ reason }, 0);
  for (const result of PROBE_RESULTS) {
    for (const recipe of sentinels) counter('probes').inc({ model, recipe, role: 'sentinel', result }, 0);
    counter('probes').inc({ model, recipe: 'explorer', role: 'explorer', result }, 0);
  }
  for (const key of ['servedQueries', 'servedRequests', 'servedFailures'] as const)
    counter(key).inc({ model }, 0);
  for (const channel of CHANNEL_KINDS)
    for (const result of DELIVERY_RESULTS) counter('alertDeliveries').inc({ channel, result }, 0);
  gauge('build').set({ ...build, node: process.versions.node }, 1);
}

const UNMEASURED = [
  'budgetRemaining',
  'lastProbe',
  'lastFold',
  'lastCommit',
  'missingOutcomes',
  'replicaAgreement',
  'replicaLimit',
  'lag',
  'uncommitted',
  'samplesWaiting',
  'servedLatency',
  'hardenLastSuccess',
  'hardenOldest',
] as const satisfies readonly MetricKey[];

/** Absent, rather than 0, when there is no value. */
export function setOrRemove(gauge: Gauge, labels: Record<string, string>, value: number | undefined): void {
  if (value === undefined) gauge.remove(labels);
  else gauge.set(labels, value);
}
