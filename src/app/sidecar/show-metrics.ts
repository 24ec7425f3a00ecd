import type { PauseReason } from '../../http/instruments.ts';
import type { Metrics } from '../../http/metrics.ts';
import type { IngestStatus } from '../../ingest/totals.ts';
import type { ServedCounters, ServedModel } from '../../models/served.ts';
import type { Judge } from '../../monitoring/judge.ts';
import type { JudgeStatus } from '../../monitoring/status.ts';
import type { Permit } from '../../probing/permit.ts';
import type { Pace } from '../../probing/pace.ts';
import type { ProbeTally } from './status.ts';

export interface ShownSources {
  readonly metrics: Metrics;
  readonly judge: Judge;
  readonly ingest: () => Pick<IngestStatus, 'lag' | 'uncommitted'>;
  readonly served: Pick<ServedModel, 'counters' | 'breakerState' | 'loadState'>;
  readonly permit: Permit;
  readonly probes: ProbeTally;
  readonly pace: Pace;
  /** Least accepted agreement of replica and served model. */
  readonly replicaLimit: number;
}

/** Brings the metrics up to what is known now. Called after every turn, also one that failed. */
export function createMetricsView(sources: ShownSources): () => void {
  const { metrics, judge, ingest, served, probes, pace, replicaLimit } = sources;
  let counted: ServedCounters = { queries: 0, requests: 0, failures: 0 };
  return () => {
    const status = judge.status();
    showVerdict(metrics, status);
    const now = served.counters();
    metrics.countServed({
      queries: now.queries - counted.queries,
      requests: now.requests - counted.requests,
      failures: now.failures - counted.failures,
    });
    counted = now;
    metrics.setPaused(pausedBy(sources));
    const { lag, uncommitted } = ingest();
    const { latencyMs } = served.loadState();
    metrics.setMeasured({
      ...measuredBy(status),
      ingestLag: lag,
      uncommitted,
      samplesWaiting: probes.waiting,
      servedLatencySeconds: latencyMs === undefined ? undefined : latencyMs / 1000,
      budgetRemaining: pace.remaining(),
      replicaLimit,
    });
  };
}

function pausedBy({ served, permit }: ShownSources): PauseReason[] {
  const forbidden = permit.forbidden();
  return [
    ...(served.loadState().isPaused ? (['load'] as const) : []),
    ...(served.breakerState() === 'open' ? (['circuit_open'] as const) : []),
    ...(forbidden === undefined ? [] : [forbidden]),
  ];
}

function showVerdict(metrics: Metrics, { verdict, recipes, alarms, riskLimit }: JudgeStatus): void {
  metrics.setVerdict(verdict.kind, verdict.cause);
  if (verdict.sinceMs > 0) metrics.setVerdictSince(verdict.sinceMs);
  metrics.setAlarms(alarms.filter(({ status }) => status === 'firing').map(({ monitor }) => monitor));
  for (const { recipe, risk, baseline } of recipes)
    metrics.setRisk({ recipe, risk, limit: riskLimit, baselineUpper: baseline?.upper });
}

function measuredBy({ canaries, missing, replica }: JudgeStatus): {
  cleanAccuracy: number | undefined;
  missingOutcomes: number | undefined;
  replicaAgreement: number | undefined;
} {
  const { errors, labelled = 0 } = canaries ?? {};
  return {
    cleanAccuracy: errors === undefined || labelled === 0 ? undefined : 1 - errors / labelled,
    missingOutcomes: missing.folds === 0 ? undefined : missing.share,
    replicaAgreement: replica.compared === 0 ? undefined : replica.agreed / replica.compared,
  };
}
