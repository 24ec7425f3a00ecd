import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runStages, type RunnableStage } from '../../../pipelines/harden/run.ts';
import type { HardenContext } from '../../../pipelines/harden/context.ts';
import { collectStage } from '../../../pipelines/harden/stages/collect.ts';
import { evaluateStage } from '../../../pipelines/harden/stages/evaluate.ts';
import { gateOutput, gateStage } from '../../../pipelines/harden/stages/gate.ts';
import { generateStage } from '../../../pipelines/harden/stages/generate.ts';
import { promoteStage, type PromoteOutput } from '../../../pipelines/harden/stages/promote.ts';
import { trainStage } from '../../../pipelines/harden/stages/train.ts';
import { verifyStage } from '../../../pipelines/harden/stages/verify.ts';
import { requestIdOf } from '../../../pipelines/harden/threshold-trigger.ts';
import { startSchedule } from '../../../pipelines/harden/trigger.ts';
import { AppError, hasCode, toError } from '../../domain/errors.ts';
import { hashJson } from '../../domain/hashing.ts';
import type { ReleaseStack } from '../../domain/lifecycle.ts';
import type { RunRequest, RunState, StageName } from '../../domain/run.ts';
import { acquireLock, type Lock } from '../../models/lock.ts';
import { newestAvailable } from '../../probing/replica-follower.ts';
import { partitionKeyOf } from '../../store/queries/probes.ts';
import type { Services } from '../compose.ts';
import { recordEvidence } from './evidence.ts';

export interface HardenWorkerOptions {
  readonly services: Services;
  readonly signal: AbortSignal;
  readonly releases: ReleaseStack;
  /** Stop after one request was worked on. */
  readonly once?: boolean;
  readonly onProgress?: HardenContext['progress'];
}

export interface RunOutcome {
  readonly requestId: string;
  readonly state: RunState;
  readonly version?: number;
  readonly reason?: string;
}

const STAGES_UNTIL_GATE = [collectStage, generateStage, trainStage, evaluateStage, gateStage];
const STAGES_AFTER_GATE = [promoteStage, verifyStage];

/**
 * Claims run requests, one at a time per registry, and runs the pipeline for each. A run that was killed stays claimed
 * and is taken up where it was; a run that failed for good, or that the gate refused, is recorded and not repeated.
 *
 * @throws {AppError} TEMPER_REGISTRY_FENCED when a later worker has taken over; TEMPER_REGISTRY_LOCKED when one holds on
 */
export async function runHardenWorker(options: HardenWorkerOptions): Promise<RunOutcome[]> {
  const { services, signal, releases } = options;
  const { config, clock } = services;
  const lock = await acquireLock({
    directory: join(config.registry.directory, '.locks'),
    name: `harden-${config.model.name}`,
    owner: 'harden worker',
    clock,
    waitMs: 120_000,
  });
  releases.defer('harden lock', () => lock.release());
  await scheduleRuns(options);
  const outcomes: RunOutcome[] = [];
  while (!signal.aborted) {
    const request = await nextRequest(services);
    if (request === undefined) {
      if (options.once === true) return outcomes;
      await sleep(1000 * config.harden.pollSeconds, undefined, { signal }).catch(() => undefined); // woken by the signal
      continue;
    }
    const outcome = await workOn(options, request, lock);
    if (outcome !== undefined) outcomes.push(outcome);
    if (options.once === true) return outcomes;
  }
  return outcomes;
}

/** The oldest request that no run has finished. */
async function nextRequest({ store, config, logger }: Services): Promise<RunRequest | undefined> {
  try {
    const runs = await store.listRuns(config.model.name);
    return runs.find(({ run }) => run === undefined || run.state === 'claimed')?.request;
  } catch (caught) {
    if (!(caught instanceof AppError) || !caught.retryable) throw caught;
    logger.warn({ err: caught.message }, 'run_requests_unreadable');
    return undefined;
  }
}

async function workOn(
  options: HardenWorkerOptions,
  request: RunRequest,
  lock: Lock,
): Promise<RunOutcome | undefined> {
  const { services, signal } = options;
  const { logger } = services;
  const context = contextOf(options, request);
  const record = recorder(services, { request, runId: context.runId, fence: lock.fence });
  const seconds: StageSeconds = {};
  logger.info({ request: request.requestId, run: context.runId, reason: request.reason }, 'run_started');
  try {
    await lock.assertHeld();
    return await runPipeline(context, { record, seconds, lock });
  } catch (caught) {
    // The run is the later holder's now: to record anything about it would take it out of that one's queue.
    if (hasCode(caught, 'TEMPER_REGISTRY_FENCED')) throw caught;
    const error = toError(caught);
    const interrupted = signal.aborted || (caught instanceof AppError && caught.retryable);
    if (interrupted) {
      logger.warn({ err: error.message, run: context.runId }, 'run_interrupted');
      if (!signal.aborted) await sleep(1000 * services.config.harden.pollSeconds);
      return undefined;
    }
    logger.error({ err: error, run: context.runId }, 'run_failed');
    await record('failed', '', { reason: error.message, seconds });
    return { requestId: request.requestId, state: 'failed', reason: error.message };
  }
}

type Recorder = (state: RunState, stage: StageName | '', detail: unknown) => Promise<void>;

/** What the finished stages of a run took, those of earlier attempts included. */
type StageSeconds = Partial<Record<StageName, number>>;

interface RunBooks {
  readonly record: Recorder;
  readonly seconds: StageSeconds;
  readonly lock: Lock;
}

async function runPipeline(context: HardenContext, { record, seconds, lock }: RunBooks): Promise<RunOutcome> {
  const { requestId } = context.request;
  const stages = (make: readonly ((context: HardenContext) => RunnableStage)[]): RunnableStage[] =>
    make.map((stage) => stage(context));
  const run = (list: readonly RunnableStage[]): ReturnType<typeof runStages> =>
    runStages({
      runDirectory: context.runDirectory,
      stages: list,
      logger: context.logger,
      nowSeconds: () => performance.now() / 1000,
      onStage: async (stage, state, took) => {
        if (took !== undefined) seconds[stage] = took;
        if (state !== 'started') return;
        await lock.assertHeld();
        await record('claimed', stage, { seconds });
      },
    });
  const judged = await run(stages(STAGES_UNTIL_GATE));
  const gate = gateOutput(judged.get('gate'));
  await recordEvidence(context.store, context.model.name, judged);
  if (!gate.passed) {
    const reason = gate.decision.rules
      .filter(({ passed }) => !passed)
      .map(({ finding }) => finding)
      .join('; ');
    await record('refused', 'gate', { candidate: gate.candidate, reason, seconds });
    return { requestId, state: 'refused', reason };
  }
  const published = await run(stages([...STAGES_UNTIL_GATE, ...STAGES_AFTER_GATE]));
  const { version } = published.get('promote') as PromoteOutput; // written by the promote stage
  await record('promoted', 'verify', { version, candidate: gate.candidate, seconds });
  return { requestId, state: 'promoted', version };
}

function recorder(
  { store, config }: Services,
  { request, runId, fence }: { request: RunRequest; runId: string; fence: number },
): Recorder {
  return (state, stage, detail) =>
    store.saveRun({
      requestId: request.requestId,
      runId,
      model: config.model.name,
      state,
      stage,
      detail,
      fence,
    });
}

/** Id of the run of a request: the same request is the same run, so that a restart finds its folder. */
export function runIdOf(request: RunRequest): string {
  return hashJson({ run: request.requestId }).slice(0, 16);
}

function contextOf({ services, onProgress }: HardenWorkerOptions, request: RunRequest): HardenContext {
  const { config, served, logger } = services;
  const runId = runIdOf(request);
  return {
    runId,
    runDirectory: join(config.harden.directory, runId),
    request,
    actor: 'harden worker',
    model: config.model,
    threat: services.threat,
    seed: config.seed,
    settings: config.harden as HardenContext['settings'], // frozen, otherwise the same
    sentinels: services.sentinels,
    book: services.book,
    bisectionSteps: config.probing.bisectionSteps,
    canaryCount: config.probing.canaries.count,
    baselineConfidence: config.monitoring.confidence,
    store: services.store,
    registry: services.registry,
    keepVersions: config.registry.keep,
    pool: services.pool,
    reader: services.reader,
    prober: services.prober,
    servedVersion: async () => newestAvailable((await served.status()).versions),
    clock: services.clock,
    logger: logger.child({ run: runId }),
    progress: (stage, update) => onProgress?.(stage, update),
  };
}

/** Requests by the clock. What collect sees is frozen at what ingest has committed. */
async function scheduleRuns({ services, releases }: HardenWorkerOptions): Promise<void> {
  const { config, store, clock, logger } = services;
  const expression = config.harden.trigger.schedule;
  if (expression === undefined) return;
  const model = config.model.name;
  const schedule = await startSchedule({
    expression,
    clock,
    logger,
    async lastSuccessMs() {
      const done = (await store.listRuns(model)).filter(({ run }) => run?.state === 'promoted');
      return done.length === 0 ? undefined : Math.max(...done.map(({ run }) => run!.atMs));
    },
    async onDue(slotMs) {
      const requestId = requestIdOf(model, 'schedule', slotMs);
      // A slot that is caught up after a kill may have its run already: what that one sees stays frozen.
      if ((await store.listRuns(model)).some(({ request }) => request.requestId === requestId)) return;
      const positions = await store.lastPositions();
      await store.saveRunRequest({
        requestId,
        model,
        trigger: 'schedule',
        reason: `schedule ${expression}`,
        requestedAtMs: slotMs,
        frozenPositions: Object.fromEntries(
          positions.map((position) => [partitionKeyOf(position), position.offset]),
        ),
      });
    },
  });
  releases.adopt('schedule', schedule);
}
