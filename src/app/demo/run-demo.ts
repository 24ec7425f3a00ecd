import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { presetRecipe } from '../../attacks/presets.ts';
import { parseConfig, threatModelOf, type TemperConfig } from '../../config/load.ts';
import { loadData } from '../../data/dataset.ts';
import type { Clock } from '../../domain/clock.ts';
import { sha256 } from '../../domain/hashing.ts';
import { createReleaseStack, type ReleaseStack } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import type { EngineChoice } from '../../engine/choose.ts';
import { createPool, type ComputePool } from '../../engine/pool.ts';
import { evaluateModel } from '../../evaluation/evaluate.ts';
import type { EvaluationResult } from '../../evaluation/result.ts';
import { createRegistry, type Registry } from '../../models/registry.ts';
import { openStore, type Store } from '../../store/store.ts';
import { storeOptionsOf } from '../compose.ts';
import { DEMO_MODEL, demoConfigText } from './config-file.ts';
import { watchMemory } from './memory-watch.ts';
import { freePorts, startDemoProcesses, untilServed, type DemoProcesses } from './processes-of-demo.ts';
import type { Scenario } from './scenario.ts';
import { createDemoStream, requestBeyond, untilPromoted, type DemoStream } from './stream.ts';
import type { Narrator } from './narrator.ts';
import { until } from './wait.ts';
import { createWorkshop, type Workshop } from './workshop.ts';

export interface DemoOptions {
  /** Folder of everything the demo writes; its content is replaced. */
  readonly directory: string;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly engine: EngineChoice;
  /** Program and script of the command line. */
  readonly temper: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ownPid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly narrator: Narrator;
  /** Called between the acts, for tests that kill something then. */
  readonly onAct?: (act: string, stage: Stage) => Promise<void>;
}

/** What the acts of the demo play with. */
export interface Stage {
  readonly options: DemoOptions;
  readonly config: TemperConfig;
  readonly pool: ComputePool;
  readonly registry: Registry;
  readonly store: Store;
  readonly processes: DemoProcesses;
  readonly stream: DemoStream;
  readonly workshop: Workshop;
  readonly servedPort: number;
}

export interface VersionEvaluation {
  readonly version: number;
  readonly name: string;
  readonly arrival: 'first' | 'gated' | 'around the gate';
  readonly result: EvaluationResult;
}

/** Everything the demo came to, before it is told as a story. */
export interface DemoOutcome {
  readonly stage: Stage;
  readonly evaluations: readonly VersionEvaluation[];
  readonly runDirectories: readonly { readonly requestId: string; readonly version: number }[];
  readonly recovered: boolean;
  readonly seconds: number;
  readonly timings: readonly { readonly phase: string; readonly seconds: number }[];
  readonly peakMemoryBytes: number;
}

const HARDEN_TIMEOUT_MS = 900_000;

/**
 * Plays the whole loop on real digits with real processes: a model is served, probed and found weak, hardened and
 * promoted; a careless update degrades it, the alarm names the cause, the pipeline hardens again, the model recovers.
 * @param tell called with the outcome while store and processes are still there
 */
export async function runDemo<T>(
  options: DemoOptions,
  tell: (outcome: DemoOutcome) => Promise<T>,
): Promise<T> {
  const releases = createReleaseStack();
  try {
    const startedAt = performance.now();
    const memory = releases.adopt(
      'memory watch',
      watchMemory(() => [options.ownPid]),
    );
    const timings: { phase: string; seconds: number }[] = [];
    const phase = async <R>(name: string, work: () => Promise<R>): Promise<R> => {
      const from = performance.now();
      const result = await work();
      timings.push({ phase: name, seconds: (performance.now() - from) / 1000 });
      return result;
    };
    const stage = await phase('first model and start', () => raise(options, releases));
    const runs: { requestId: string; version: number }[] = [];
    await phase('probed and hardened', async () => runs.push(await firstAct(stage)));
    await phase('hardened model in production', () => secondAct(stage));
    await phase('careless update, alarm, hardened again', async () => runs.push(await thirdAct(stage)));
    const recovered = await phase('recovered', () => fourthAct(stage, runs[1]!.version));
    const evaluations = await phase('final evaluation', () => evaluateVersions(stage));
    const seconds = (performance.now() - startedAt) / 1000;
    const peakMemoryBytes = memory.peakBytes();
    return await tell({
      stage,
      evaluations,
      runDirectories: runs,
      recovered,
      seconds,
      timings,
      peakMemoryBytes,
    });
  } finally {
    await releases.release();
  }
}

/** Trains the first model, ships it, and starts the processes of a deployment. */
async function raise(options: DemoOptions, releases: ReleaseStack): Promise<Stage> {
  const { directory, scenario, seed, clock, logger, narrator, engine } = options;
  await rm(directory, { recursive: true, force: true });
  for (const folder of ['stream', 'registry', 'logs', 'workshop'])
    await mkdir(join(directory, folder), { recursive: true });
  const [servedPort, httpPort] = (await freePorts(2)) as [number, number];
  const env = {
    ...options.env,
    TEMPER_ENGINE: engine.name,
    TEMPER_SAMPLING_KEY: sha256(`demo sampling key ${seed}`),
  };
  const text = demoConfigText(scenario, { servedUrl: `http://127.0.0.1:${servedPort}`, httpPort }, seed);
  const configPath = join(directory, 'temper.yaml');
  await writeFile(configPath, text);
  const config = parseConfig(text, { file: configPath, folder: directory, env });
  const pool = releases.adopt('compute pool', createPool({ engine: engine.name, logger }));
  const registry = createRegistry({ ...config.registry, clock, logger, owner: 'demo' });
  const threat = threatModelOf(config);
  const workshop = createWorkshop({
    pool,
    registry,
    directory: join(directory, 'workshop'),
    threat,
    seed,
    clock,
    logger,
  });
  narrator.say(`Training a first model on ${scenario.firstModel.rows} clean digits …`);
  await workshop.shipFirstModel({ ...scenario.firstModel, onProgress: narrator.training('first model') });
  narrator.say('Starting store, model server, sidecar and harden worker, each a process of its own …');
  const store = releases.adopt('store', await openStore(storeOptionsOf(config, clock, logger)));
  const processes = await startDemoProcesses({
    temper: options.temper,
    configPath,
    registryDirectory: config.registry.directory,
    servedPort,
    httpPort,
    logDirectory: join(directory, 'logs'),
    env,
    releases,
  });
  narrator.say(`Status page while it runs: ${processes.statusUrl}`);
  const stream = createDemoStream({
    path: join(directory, 'stream', 'requests.jsonl'),
    store,
    statusUrl: processes.statusUrl,
    blockRequests: scenario.blockRequests,
    ended: processes.ended,
  });
  return { options, config, pool, registry, store, processes, stream, workshop, servedPort };
}

/** Act 1: production digits flow, the sidecar finds the model weak, the worker hardens it. */
async function firstAct(stage: Stage): Promise<{ requestId: string; version: number }> {
  const { narrator } = stage.options;
  narrator.act('Act 1: production flows through an undefended model');
  return streamUntilHardened(stage, 1, 0);
}

/** Act 2: the hardened model in production. */
async function secondAct(stage: Stage): Promise<void> {
  const { narrator, scenario, onAct } = stage.options;
  narrator.act('Act 2: the hardened model in production');
  await onAct?.('hardened', stage);
  while (await stage.stream.appendBlock(2, scenario.partRequests)) narrator.row(await stage.stream.status());
}

/** Act 3: an update that nobody attacked is shipped around the gate. */
async function thirdAct(stage: Stage): Promise<{ requestId: string; version: number }> {
  const { narrator, scenario, onAct } = stage.options;
  narrator.act('Act 3: a careless update is shipped around the gate');
  const careless = await stage.workshop.shipCarelessUpdate({
    ...scenario.carelessUpdate,
    onProgress: narrator.training('careless fine-tune'),
  });
  await untilServed(stage.servedPort, careless.version, stage.processes.ended);
  await untilFollowed(stage, careless.version);
  narrator.say(`Version ${careless.version} serves now: fine-tuned on clean digits, never attacked.`);
  await onAct?.('updated', stage);
  return streamUntilHardened(stage, 3, 1);
}

/** Act 4: the rest of the traffic on the version that the gate let through. */
async function fourthAct(stage: Stage, version: number): Promise<boolean> {
  const { narrator, scenario } = stage.options;
  narrator.act('Act 4: recovered?');
  for (let block = 0; block < scenario.recoveryBlocks; block++) {
    if (!(await stage.stream.appendBlock(3, scenario.partRequests))) break;
    narrator.row(await stage.stream.status());
  }
  const { verdict, model } = await stage.stream.status();
  return verdict.kind === 'ok' && model.servedVersion === String(version);
}

/** Streams blocks of a part until a run is requested, then waits until it is promoted and judged by its own baseline. */
async function streamUntilHardened(
  stage: Stage,
  part: 1 | 3,
  requestsBefore: number,
): Promise<{ requestId: string; version: number }> {
  const { narrator, scenario } = stage.options;
  const { store, stream, processes } = stage;
  let requested = await requestBeyond(store, requestsBefore);
  while (requested === undefined && (await stream.appendBlock(part, scenario.partRequests))) {
    narrator.row(await stream.status());
    requested = await requestBeyond(store, requestsBefore);
  }
  requested ??= await until(() => requestBeyond(store, requestsBefore), {
    what: 'a run request (no alarm was raised on this part of the stream)',
    timeoutMs: 10_000,
    ended: processes.ended,
  });
  narrator.alarms(await stream.status());
  narrator.say(`A run is requested: ${requested.request.reason}. Hardening …`);
  const { requestId } = requested.request;
  const version = await untilPromoted(store, requestId, {
    timeoutMs: HARDEN_TIMEOUT_MS,
    ended: processes.ended,
    onStage: (name) => narrator.stage(name),
  });
  await untilFollowed(stage, version);
  narrator.say(`Version ${version} passed the gate and serves.`);
  return { requestId, version };
}

/** Until the sidecar has seen the version, and its baseline when it passed the gate. */
async function untilFollowed({ stream, processes, store }: Stage, version: number): Promise<void> {
  const { versions } = { versions: await store.latestBaselines(DEMO_MODEL) };
  const hasBaseline = versions.some((row) => (row as { version?: string }).version === String(version));
  await until(
    async () => {
      const status = await stream.status();
      const judgedBy = status.sentinels[0]?.baseline !== undefined;
      const served = status.model.servedVersion === String(version);
      return served && (!hasBaseline || judgedBy || status.verdict.kind === 'insufficient_data')
        ? true
        : undefined;
    },
    { what: `the sidecar to follow version ${version}`, timeoutMs: 60_000, ended: processes.ended },
  );
}

/** Attacks every version on test digits that nothing else has seen; the last one with everything. */
async function evaluateVersions(stage: Stage): Promise<VersionEvaluation[]> {
  const { registry, config, pool } = stage;
  const { scenario, seed, narrator } = stage.options;
  const { evaluation } = scenario;
  const versions = await registry.versions(DEMO_MODEL);
  const test = await loadData('mnist:test');
  const results: VersionEvaluation[] = [];
  for (const [i, { version, gated }] of versions.entries()) {
    const isLast = i === versions.length - 1;
    const { ref } = await registry.version(DEMO_MODEL, version);
    const arrival = gated ? 'gated' : i === 0 ? 'first' : 'around the gate';
    const result = await evaluateModel({
      pool,
      model: ref,
      data: test.slice(0, isLast ? evaluation.finalRows : evaluation.smallRows),
      recipes: (isLast ? evaluation.finalAttacks : evaluation.smallAttacks).map(presetRecipe),
      threat: threatModelOf(config),
      seed,
      mode: 'survivors',
      onProgress: narrator.evaluation(`v${version}`),
    });
    const name = gated ? 'hardened' : i === 0 ? 'trained on clean digits' : 'careless fine-tune';
    results.push({ version, name, arrival, result });
  }
  return results;
}
