import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

import type { Interval } from '../domain/interval.ts';
import type { ProbeRole } from '../domain/probe.ts';

import type { StageName } from '../domain/run.ts';
import { CAUSES, VERDICTS } from '../domain/verdict.ts';
import type { Cause, VerdictKind } from '../domain/verdict.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS, EVENT_OUTCOMES } from '../ingest/events.ts';
import type { IngestObserver } from '../ingest/observer.ts';
import { CHANNEL_KINDS } from '../monitoring/delivery/channel.ts';
import type { DeliveryObserver } from '../monitoring/delivery/outbox.ts';
import { METRICS } from './metric-definitions.ts';
import type { MetricDefinition, MetricKey } from './metric-definitions.ts';

export const PROBE_RESULTS = ['broken', 'held', 'unprobeable', 'expired'] as const;
const DELIVERY_RESULTS = ['delivered', 'failed', 'abandoned'] as const;
export type ProbeResult = (typeof PROBE_RESULTS)[number];

export interface MetricsOptions {
  readonly model: string;
  readonly norm: string;
  /** Names of the sentinels: the closed set of recipe labels, with `explorer` and `other`. */
  readonly sentinels: readonly string[];
  readonly build: { readonly version: string; readonly engine: string };
  /** Whether process and Node.js metrics are there too. Default true. */
  readonly processMetrics?: boolean;
}

export interface RiskMetric {
  /** Name of the sentinel, without its id. */
  readonly recipe: string;
  /** Absent: nothing was folded yet, and no number is shown rather than 0. */
  readonly risk: Interval | undefined;
  readonly limit: number;
  readonly baselineUpper?: number | undefined;
}

/** What the program tells Prometheus. What was not measured is absent, never 0; counters start at 0. */
export interface Metrics {
  readonly registry: Registry;
  setRisk(risk: RiskMetric): void;
  setVerdict(kind: VerdictKind, cause?: Cause): void;
  countProbes(
    probe: { readonly recipe: string; readonly role: ProbeRole; readonly result: ProbeResult },
    count?: number,
  ): void;
  countServedQueries(rows: number): void;
  setBudgetRemaining(ratio: number): void;
  setLastProbe(atMs: number): void;
  setReplicaAgreement(ratio: number | undefined): void;
  setIngestLag(events: number): void;
  setHardenLastSuccess(atMs: number): void;
  setHardenStage(stage: StageName, seconds: number): void;
  /** Counts what became of alerts. */
  readonly deliveryObserver: DeliveryObserver;
  /** Counts what the ingest loop reports. */
  readonly ingestObserver: IngestObserver;
}

/** Builds every metric in a registry of its own, with all label values that can occur set to 0. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { model, norm } = options;
  const registry = new Registry();
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry, prefix: 'temper_' });
  const instruments = createInstruments(registry);
  const { gauge, counter } = instruments;
  const recipeLabel = closedRecipeLabel(options.sentinels);
  initialise(instruments, options);

  return {
    registry,
    setRisk({ recipe, risk, limit, baselineUpper }) {
      const labels = { model, norm, recipe: recipeLabel(recipe, 'sentinel') };
      gauge('riskLimit').set(labels, limit);
      setOrRemove(gauge('riskBaseline'), labels, baselineUpper);
      setOrRemove(gauge('risk'), labels, risk?.value);
      setOrRemove(gauge('riskLower'), labels, risk?.lower);
      setOrRemove(gauge('riskUpper'), labels, risk?.upper);
    },
    setVerdict(kind, cause) {
      for (const verdict of VERDICTS) gauge('verdict').set({ model, verdict }, verdict === kind ? 1 : 0);
      for (const each of CAUSES) gauge('cause').set({ model, cause: each }, each === cause ? 1 : 0);
    },
    countProbes({ recipe, role, result }, count = 1) {
      counter('probes').inc({ model, recipe: recipeLabel(recipe, role), role, result }, count);
    },
    countServedQueries: (rows) => counter('servedQueries').inc({ model }, rows),
    setBudgetRemaining: (ratio) => gauge('budgetRemaining').set(ratio),
    setLastProbe: (atMs) => gauge('lastProbe').set(atMs / 1000),
    setReplicaAgreement: (ratio) => setOrRemove(gauge('replicaAgreement'), {}, ratio),
    setIngestLag: (events) => gauge('lag').set(events),
    setHardenLastSuccess: (atMs) => gauge('hardenLastSuccess').set(atMs / 1000),
    setHardenStage: (stage, seconds) => gauge('hardenStage').set({ stage }, seconds),
    deliveryObserver: {
      attempted: (channel, result) => counter('alertDeliveries').inc({ channel, result }),
      waiting: (messages) => gauge('alertsWaiting').set(messages),
    },
    ingestObserver: createIngestObserver(instruments),
  };
}

interface Instruments {
  readonly gauge: (key: MetricKey) => Gauge;
  readonly counter: (key: MetricKey) => Counter;
}

/** One prom-client object per definition. */
function createInstruments(registry: Registry): Instruments {
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  for (const definition of Object.values<MetricDefinition>(METRICS)) {
    const { name, help, labels } = definition;
    const settings = { name, help, labelNames: [...labels], registers: [registry] };
    if (definition.type === 'gauge') gauges.set(name, new Gauge(settings));
    else counters.set(name, new Counter(settings));
  }
  return {
    gauge: (key) => gauges.get(METRICS[key].name)!,
    counter: (key) => counters.get(METRICS[key].name)!,
  };
}

function initialise({ gauge, counter }: Instruments, { model, sentinels, build }: MetricsOptions): void {
  // A gauge without labels begins at 0, which would claim a measurement; removing its one series makes it absent.
  for (const key of ['budgetRemaining', 'lastProbe', 'replicaAgreement', 'lag', 'hardenLastSuccess'] as const)
    gauge(key).remove({});
  gauge('failedPartitions').set(0);
  for (const verdict of VERDICTS)
    gauge('verdict').set({ model, verdict }, verdict === 'insufficient_data' ? 1 : 0);
  for (const cause of CAUSES) gauge('cause').set({ model, cause }, 0);
  for (const outcome of EVENT_OUTCOMES) counter('events').inc({ outcome }, 0);
  for (const reason of [...DROP_REASONS, ...DEAD_LETTER_REASONS])
    counter('rejectedEvents').inc({ reason }, 0);
  for (const result of PROBE_RESULTS) {
    for (const recipe of sentinels) counter('probes').inc({ model, recipe, role: 'sentinel', result }, 0);
    counter('probes').inc({ model, recipe: 'explorer', role: 'explorer', result }, 0);
  }
  counter('servedQueries').inc({ model }, 0);
  for (const channel of CHANNEL_KINDS)
    for (const result of DELIVERY_RESULTS) counter('alertDeliveries').inc({ channel, result }, 0);
  gauge('build').set({ ...build, node: process.versions.node }, 1);
}

/** A sentinel's name, `explorer`, or `other`: never a name from outside. `name@id` counts as its name. */
function closedRecipeLabel(sentinels: readonly string[]): (recipe: string, role: ProbeRole) => string {
  return (recipe, role) => {
    if (role === 'explorer') return 'explorer';
    const name = recipe.split('@', 1)[0]!;
    return sentinels.includes(name) ? name : 'other';
  };
}

function setOrRemove(gauge: Gauge, labels: Record<string, string>, value: number | undefined): void {
  if (value === undefined) gauge.remove(labels);
  else gauge.set(labels, value);
}

function createIngestObserver({ gauge, counter }: Instruments): IngestObserver {
  return {
    committed({ counts, reasons, rowsBeyondLimit }) {
      for (const outcome of EVENT_OUTCOMES) counter('events').inc({ outcome }, counts[outcome]);
      for (const reason of [...DROP_REASONS, ...DEAD_LETTER_REASONS])
        counter('rejectedEvents').inc({ reason }, reasons[reason] ?? 0);
      counter('rowsBeyondLimit').inc(rowsBeyondLimit);
    },
    commitRetried: () => counter('commitRetries').inc(),
    rejected: () => undefined,
    partitionFailed: () => gauge('failedPartitions').inc(),
  };
}
