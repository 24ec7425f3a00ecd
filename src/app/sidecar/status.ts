import { recipeLabel } from '../../domain/recipe.ts';
import type { IngestStatus } from '../../ingest/totals.ts';
import type { CanaryReport, RunReport, StatusReport, VersionReport } from '../../http/status-port.ts';
import type { CanaryRoundSummary } from '../../monitoring/canary-monitor.ts';
import type { Judge } from '../../monitoring/judge.ts';
import type { RequestWithRun } from '../../store/queries/runs.ts';
import type { Services } from '../compose.ts';
import type { AttackFeed } from './attack-feed.ts';
import type { RiskHistory } from './risk-history.ts';

/** Counts of probes since the process started. */
export interface ProbeTally {
  broken: number;
  held: number;
  unprobeable: number;
  expired: number;
  waiting: number;
  lastProbeMs: number | undefined;
}

export interface StatusSources {
  readonly services: Services;
  readonly judge: Judge;
  readonly ingest: () => IngestStatus;
  readonly feed: AttackFeed;
  readonly probes: ProbeTally;
  readonly history: RiskHistory;
  readonly startedAtMs: number;
  readonly build: { readonly version: string; readonly engine: string };
}

/** Everything a person sees, from what the process knows and the store holds. */
export async function reportStatus(sources: StatusSources): Promise<StatusReport> {
  const { services, judge, probes } = sources;
  const { config, store, registry, clock, served } = services;
  const model = config.model.name;
  const [runs, versions] = await Promise.all([store.listRuns(model), registry.versions(model)]);
  const status = judge.status();
  return {
    generatedAtMs: clock.nowMs(),
    startedAtMs: sources.startedAtMs,
    build: sources.build,
    model: { name: model, ...(status.version === undefined ? {} : { servedVersion: status.version }) },
    threatModel: services.threat,
    verdict: status.verdict,
    history: sources.history.points(),
    sentinels: status.recipes,
    monitors: status.monitors,
    folds: status.folds,
    foldsInAll: status.foldsInAll,
    samplesSinceChange: status.samplesSinceChange,
    missingShare: status.missing.share,
    replica: status.replica,
    ...(status.canaries !== undefined && { canaries: canaryReport(status.canaries) }),
    ingest: sources.ingest(),
    probes: { enabled: true, ...probes, servedQueries: served.counters().queries },
    explorers: {
      rotation: sources.feed.rotation().map(recipeLabel),
      feed: sources.feed.entries(),
    },
    alarms: status.alarms,
    runs: runs.map(runReport),
    versions: versions.map((version): VersionReport => ({
      version: String(version.version),
      serving: String(version.version) === status.version,
      arrival: version.kind === 'rollback' ? 'rollback' : version.gated ? 'gated' : 'override',
      atMs: Date.parse(version.at),
    })),
  };
}

function canaryReport({
  compared,
  round,
  atMs,
  changed,
  errors,
  labelled,
}: CanaryRoundSummary): CanaryReport {
  return {
    count: compared,
    rounds: round,
    lastRoundMs: atMs,
    changed,
    ...(errors !== undefined &&
      labelled !== undefined &&
      labelled > 0 && { labelErrorRate: errors / labelled }),
  };
}

function runReport({ request, run }: RequestWithRun): RunReport {
  const finished = run !== undefined && run.state !== 'claimed';
  return {
    requestId: request.requestId,
    trigger: request.trigger,
    reason: request.reason,
    state: run?.state ?? 'waiting',
    requestedAtMs: request.requestedAtMs,
    ...(run === undefined ? {} : { stage: run.stage as NonNullable<RunReport['stage']> }),
    ...(finished ? { finishedAtMs: run.atMs, result: resultOf(run.detail) } : {}),
  };
}

function resultOf(detail: unknown): string {
  const { version, reason } = (detail ?? {}) as { version?: number; reason?: string };
  return version === undefined ? (reason ?? '') : `version ${version}`;
}
