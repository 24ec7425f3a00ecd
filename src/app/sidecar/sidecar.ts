import { join } from 'node:path';
import { createClassifier } from '../../ingest/classify.ts';
import { createEventFormat } from '../../ingest/create-format.ts';
import { createIngestLoop, type IngestLoop } from '../../ingest/ingest-loop.ts';
import { createSampler } from '../../ingest/sampling.ts';
import { featureCount } from '../../domain/target.ts';
import { toError } from '../../domain/errors.ts';
import type { ReleaseStack } from '../../domain/lifecycle.ts';
import { recipeId } from '../../domain/recipe.ts';
import { createMetrics, type Metrics } from '../../http/metrics.ts';
import { createHttpServer } from '../../http/server.ts';
import type { AdversarialExample } from '../../http/status-port.ts';
import { acquireLock } from '../../models/lock.ts';
import { verifyTag } from '../../models/probe-tag.ts';
import { createJudge } from '../../monitoring/judge.ts';
import { judgeSettingsOf } from '../../monitoring/judge-settings.ts';
import { createPace } from '../../probing/pace.ts';
import { createReplicaFollower } from '../../probing/replica-follower.ts';
import { probeKeyOf, type Services } from '../compose.ts';
import { createActions } from './actions.ts';
import { createAlertPort, startAlerting } from './alerts.ts';
import { startAttackFeed, type AttackFeed } from './attack-feed.ts';
import { createCanaryKeeper } from './canary-keeper.ts';
import { createCommitPort } from './commit-port.ts';
import { createEcho, type Echo } from './echo.ts';
import { createExplorer } from './explorer.ts';
import { createFoldLog } from './fold-log.ts';
import { watchHardening } from './harden-watch.ts';
import { watchOrphans } from './orphan-watch.ts';
import { createRiskHistory, type RiskHistory } from './risk-history.ts';
import { runTurns, tallyExplored } from './run-turns.ts';
import { createMetricsView } from './show-metrics.ts';
import { createSource } from './source.ts';
import { createWake } from '../../domain/wake.ts';
import { reportStatus, type ProbeTally } from './status.ts';
import type { TurnDependencies } from './turn.ts';

export interface SidecarOptions {
  readonly services: Services;
  readonly build: { readonly version: string; readonly engine: string };
  readonly releases: ReleaseStack;
  readonly signal: AbortSignal;
}

export interface Sidecar {
  /** Where status page, metrics and API are served. */
  readonly url: string;
  /** Resolves when the signal was given and everything has come to rest; rejects when the sidecar cannot go on. */
  readonly finished: Promise<void>;
}

/** How long a starting judge waits for the one it replaces. */
const JUDGE_LOCK_WAIT_MS = 120_000;

/** The sidecar: ingest, probing, judging and HTTP, each in its own loop around the store. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { services, signal } = options;
  const { config, clock, logger } = services;
  const metrics = createMetrics({
    model: config.model.name,
    norm: services.threat.norm,
    sentinels: config.probing.sentinels,
    build: options.build,
  });
  const wake = createWake();
  const echo = createEcho(services);
  const ingest = createIngest(services, metrics, { onCommit: wake.now, echo });
  const feed = await startAttackFeed(services, options.releases);
  const turn = await createTurnDependencies(options, { metrics, ingest, echo });
  const parts: Parts = {
    ...options,
    metrics,
    ingest,
    turn,
    feed,
    probes: {
      broken: 0,
      held: 0,
      unprobeable: 0,
      expired: 0,
      waiting: 0,
      lastProbeMs: undefined,
    },
    history: createRiskHistory(),
    tick: { atMs: undefined },
  };
  startWatches(parts);
  const url = await serveHttp(parts);
  const onTick = (): void => {
    parts.tick.atMs = clock.nowMs();
  };
  const explorer = createExplorer({
    services,
    judge: turn.judge,
    pace: turn.pace,
    share: createPace(config.probing.explorers.share * samplesPerMinuteOf(config), clock),
    rotation: () => feed.rotation(),
    onExplored: (records) => tallyExplored(parts, records),
  });
  const showMetrics = createMetricsView({
    ...parts,
    judge: turn.judge,
    ingest: () => ingest.status(),
    served: services.served,
    permit: services.permit,
    pace: turn.pace,
    replicaLimit: config.monitoring.minimumReplicaAgreement,
  });
  const turning = runTurns({
    ...parts,
    turn: { ...turn, explorer },
    judge: turn.judge,
    wake,
    showMetrics,
    onTick,
  });
  const ingesting = ingest.run();
  signal.addEventListener('abort', () => {
    wake.now();
    ingest.stop().catch((caught: unknown) => logger.error({ err: toError(caught) }, 'ingest_stop_failed'));
  });
  return { url, finished: Promise.all([turning, ingesting]).then(() => undefined) };
}

interface Parts extends SidecarOptions {
  readonly metrics: Metrics;
  readonly ingest: IngestLoop;
  readonly turn: TurnDependencies;
  readonly feed: AttackFeed;
  readonly probes: ProbeTally;
  readonly history: RiskHistory;
  readonly tick: { atMs: number | undefined };
}

/** What only the store knows is looked up between scrapes. */
function startWatches({ services, metrics, turn, releases }: Parts): void {
  const { store, config, logger } = services;
  const model = config.model.name;
  const lastEventTimeMs = (): number | undefined => turn.judge.status().lastEventTimeMs;
  const listRuns = (): ReturnType<typeof store.listRuns> => store.listRuns(model);
  releases.adopt('harden watch', watchHardening({ listRuns, metrics, logger }));
  releases.adopt('orphan watch', watchOrphans({ model, store, lastEventTimeMs, metrics, logger }));
}

/** The judge under its lock, with everything that a turn needs. */
async function createTurnDependencies(
  { services, releases }: SidecarOptions,
  { metrics, ingest, echo }: { readonly metrics: Metrics; readonly ingest: IngestLoop; readonly echo: Echo },
): Promise<TurnDependencies> {
  const { config, store, clock, logger } = services;
  const model = config.model.name;
  const lock = await acquireLock({
    directory: join(config.registry.directory, '.locks'),
    name: `judge-${model}`,
    owner: 'sidecar',
    clock,
    waitMs: JUDGE_LOCK_WAIT_MS,
  });
  releases.defer('judge lock', () => lock.release());
  const follower = createReplicaFollower({
    served: services.served,
    registry: services.registry,
    model,
    fallback: services.replica,
  });
  const canaries = createCanaryKeeper(services, () => follower.look());
  const foldLog = createFoldLog(store, model, lock.fence);
  const outbox = releases.adopt('alerts', startAlerting(services, metrics.deliveryObserver));
  const judge = createJudge(judgeSettingsOf(config.monitoring), {
    model,
    foldLog,
    experiment: canaries.experiment,
    alerts: createAlertPort(store, outbox, logger),
    onVerdict: ({ kind, cause }) => metrics.setVerdict(kind, cause),
    links: config.monitoring.links,
    clock,
    logger,
  });
  return {
    services,
    judge,
    canaryPlace: () => foldLog.canaryPlace(),
    canaries,
    pace: createPace(samplesPerMinuteOf(config), clock),
    partitions: () => ingest.status().partitions,
    look: () => follower.look(),
    beforeQueries: () => echo.run(),
  };
}

async function serveHttp(parts: Parts): Promise<string> {
  const { services, metrics, turn, ingest, feed, probes, history, build, tick } = parts;
  const { config, clock, logger } = services;
  const { judge } = turn;
  const sources = {
    services,
    judge,
    ingest: () => ingest.status(),
    feed,
    probes,
    history,
    build,
    startedAtMs: clock.nowMs(),
  };
  const examples = { recentExamples: (limit: number) => recentExamples(services, limit) };
  const server = await createHttpServer({
    host: config.http.host,
    port: config.http.port,
    deps: {
      metrics,
      status: { status: () => reportStatus(sources) },
      ...(config.http.examples ? { examples } : {}),
      actions: createActions(services, judge),
      health: {
        lastTickMs: () => tick.atMs,
        readiness: () =>
          tick.atMs === undefined
            ? { ready: false, reason: 'the first turn has not finished' }
            : { ready: true },
      },
      clock,
      logger,
      token: config.http.token?.reveal(),
    },
  });
  return parts.releases.adopt('http server', server).url;
}

function createIngest(
  { config, store, clock, logger }: Services,
  metrics: Metrics,
  { onCommit, echo }: { readonly onCommit: () => void; readonly echo: Echo },
): IngestLoop {
  const probeKey = probeKeyOf(config);
  const { model, stream } = config;
  const { limits, sampling, preprocessing, format, select, tensors, mapping } = stream;
  return createIngestLoop({
    source: createSource(stream, logger),
    classify: echo.watching(
      createClassifier({
        format: createEventFormat(format, {
          model: model.name,
          classes: model.classes,
          input: { shape: model.inputShape, range: model.range, ...preprocessing },
          maxRowsPerEvent: sampling.maxRowsPerEvent,
          maxBodyBytes: limits.bodyBytes,
          ...select,
          tensors,
          mapping,
        }),
        sampler: createSampler({ rate: sampling.rate, key: sampling.key.reveal() }),
        isProbeTraffic: (eventId) => verifyTag(probeKey, eventId) !== undefined,
      }),
    ),
    port: createCommitPort(store, model.name, onCommit),
    observer: metrics.ingestObserver,
    clock,
    logger,
    limits,
  });
}

async function recentExamples(
  { config, store, sentinels }: Services,
  limit: number,
): Promise<AdversarialExample[]> {
  const names = new Map(sentinels.map((recipe) => [recipeId(recipe), recipe.name]));
  const examples = await store.recentExamples({ model: config.model.name, limit });
  return examples
    .filter(({ input }) => input.length === featureCount(config.model.inputShape))
    .map(({ targetVersion, recipeId: id, input, ...example }) => ({
      ...example,
      recipe: names.get(id) ?? 'other',
      version: targetVersion,
      shape: config.model.inputShape,
      range: config.model.range,
      original: input,
    }));
}

/** A dry run lets samples expire, and probes none. */
function samplesPerMinuteOf({ probing }: Services['config']): number {
  return probing.dryRun ? 0 : probing.samplesPerMinute;
}
