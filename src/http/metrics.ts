import { collectDefaultMetrics, Registry } from 'prom-client';

import type { Interval } from '../domain/interval.ts';
import type { ProbeRole } from '../domain/probe.ts';

import { RUN_STATES } from '../domain/run.ts';
import type { RunState, StageName } from '../domain/run.ts';
import { CAUSES, VERDICTS } from '../domain/verdict.ts';
import type { Cause, VerdictKind } from '../domain/verdict.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS, EVENT_OUTCOMES } from '../ingest/events.ts';
import type { IngestObserver } from '../ingest/observer.ts';
import { MONITOR_KINDS } from '../monitoring/cause.ts';
import type { MonitorKind } from '../monitoring/cause.ts';
import type { DeliveryObserver } from '../monitoring/delivery/outbox.ts';
import { createInstruments, initialise, ORPHAN_KINDS, PAUSE_REASONS, setOrRemove } from './instruments.ts';
import type { Instruments, KnownLabels, PauseReason, PROBE_RESULTS } from './instruments.ts';
import type { MetricKey } from './metric-definitions.ts';

export type ProbeResult = (typeof PROBE_RESULTS)[number];

export interface MetricsOptions extends KnownLabels {
  readonly norm: string;
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

/** What is measured now, over all sentinels. Absent: not measured, and then not shown either. */
export interface Measured {
  /** Share of probes without a measurement. */
  readonly missingOutcomes: number | undefined;
  readonly cleanAccuracy: number | undefined;
  readonly replicaAgreement: number | undefined;
  /** Events that exist and were not read. */
  readonly ingestLag: number;
  /** Commits that the store has not acknowledged. */
  readonly uncommitted: number;
  readonly samplesWaiting: number;
  /** Median time of the last requests to the served model. */
  readonly servedLatencySeconds: number | undefined;
  /** Share of the query budget of the minute that is left. */
  readonly budgetRemaining: number;
  /** Least accepted agreement of replica and served model. */
  readonly replicaLimit: number;
}

export interface HardenMetric {
  readonly lastSuccessMs: number | undefined;
  /** State of the newest run. */
  readonly state: RunState | undefined;
  /** When the oldest unfinished request was made. */
  readonly oldestRequestMs: number | undefined;
  readonly stageSeconds: readonly (readonly [StageName, number])[];
}

/** What the program tells Prometheus. What was not measured is absent, never 0; counters start at 0. */
export interface Metrics {
  readonly registry: Registry;
  setRisk(risk: RiskMetric): void;
  setVerdict(kind: VerdictKind, cause?: Cause): void;
  setVerdictSince(atMs: number): void;
  /** Kinds of the monitors whose alarms fire, one entry per alarm. */
  setAlarms(firing: readonly MonitorKind[]): void;
  setMeasured(measured: Measured): void;
  setLastFold(atMs: number): void;
  countProbes(
    probe: { readonly recipe: string; readonly role: ProbeRole; readonly result: ProbeResult },
    count?: number,
  ): void;
  observeProbeBatch(seconds: number): void;
  setLastProbe(atMs: number): void;
  /** Adds to what was asked of the served model. */
  countServed(added: {
    readonly queries: number;
    readonly requests: number;
    readonly failures: number;
  }): void;
  /** What keeps probes from being sent now; empty: nothing. */
  setPaused(reasons: readonly PauseReason[]): void;
  setOrphans(ratios: Readonly<Partial<Record<(typeof ORPHAN_KINDS)[number], number>>>): void;
  setHarden(harden: HardenMetric): void;
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
  const { gauge, counter, histogram } = instruments;
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
    setVerdictSince: (atMs) => gauge('verdictSince').set({ model }, atMs / 1000),
    setAlarms(firing) {
      for (const monitor of MONITOR_KINDS)
        gauge('alarms').set({ model, monitor }, firing.filter((each) => each === monitor).length);
    },
    setMeasured({ cleanAccuracy, ...measured }) {
      setOrRemove(gauge('cleanAccuracy'), { model }, cleanAccuracy);
      for (const [key, name] of MEASURED) setOrRemove(gauge(name), {}, measured[key]);
    },
    setLastFold: (atMs) => gauge('lastFold').set(atMs / 1000),
    countProbes({ recipe, role, result }, count = 1) {
      counter('probes').inc({ model, recipe: recipeLabel(recipe, role), role, result }, count);
    },
    observeProbeBatch: (seconds) => histogram('probeSeconds').observe(seconds),
    setLastProbe: (atMs) => gauge('lastProbe').set(atMs / 1000),
    countServed({ queries, requests, failures }) {
      counter('servedQueries').inc({ model }, queries);
      counter('servedRequests').inc({ model }, requests);
      counter('servedFailures').inc({ model }, failures);
    },
    setPaused(reasons) {
      for (const reason of PAUSE_REASONS)
        gauge('probingPaused').set({ reason }, reasons.includes(reason) ? 1 : 0);
    },
    setOrphans(ratios) {
      for (const kind of ORPHAN_KINDS) setOrRemove(gauge('orphans'), { kind }, ratios[kind]);
    },
    setHarden: (harden) => setHarden(instruments, harden),
    deliveryObserver: {
      attempted: (channel, result) => counter('alertDeliveries').inc({ channel, result }),
      waiting: (messages) => gauge('alertsWaiting').set(messages),
    },
    ingestObserver: createIngestObserver(instruments),
  };
}

/** Gauges without labels, by what they show. */
const MEASURED = [
  ['missingOutcomes', 'missingOutcomes'],
  ['replicaAgreement', 'replicaAgreement'],
  ['replicaLimit', 'replicaLimit'],
  ['ingestLag', 'lag'],
  ['uncommitted', 'uncommitted'],
  ['samplesWaiting', 'samplesWaiting'],
  ['servedLatencySeconds', 'servedLatency'],
  ['budgetRemaining', 'budgetRemaining'],
] as const satisfies readonly (readonly [keyof Measured, MetricKey])[];

function setHarden(
  { gauge }: Instruments,
  { lastSuccessMs, state, oldestRequestMs, stageSeconds }: HardenMetric,
): void {
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
  setOrRemove(gauge('hardenLastSuccess'), {}, seconds(lastSuccessMs));
  setOrRemove(gauge('hardenOldest'), {}, seconds(oldestRequestMs));
  for (const each of RUN_STATES) gauge('hardenState').set({ state: each }, each === state ? 1 : 0);
  for (const [stage, took] of stageSeconds) gauge('hardenStage').set({ stage }, took);
}

/** A sentinel's name, `explorer`, or `other`: never a name from outside. `name@id` counts as its name. */
function closedRecipeLabel(sentinels: readonly string[]): (recipe: string, role: ProbeRole) => string {
  return (recipe, role) => {
    if (role === 'explorer') return 'explorer';
    const name = recipe.split('@', 1)[0]!;
    return sentinels.includes(name) ? name : 'other';
  };
}

function createIngestObserver({ gauge, counter }: Instruments): IngestObserver {
  return {
    committed({ counts, reasons, rowsBeyondLimit }) {
      for (const outcome of EVENT_OUTCOMES) counter('events').inc({ outcome }, counts[outcome]);
      for (const reason of [...DROP_REASONS, ...DEAD_LETTER_REASONS])
        counter('rejectedEvents').inc({ reason }, reasons[reason] ?? 0);
      counter('rowsBeyondLimit').inc(rowsBeyondLimit);
      gauge('lastCommit').setToCurrentTime();
    },
    commitRetried: () => counter('commitRetries').inc(),
    rejected: () => undefined,
    partitionFailed: () => gauge('failedPartitions').inc(),
  };
}
