import { createWriteStream } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { freePorts } from '../../src/app/demo/processes-of-demo.ts';
import { until } from '../../src/app/demo/wait.ts';
import { storeOptionsOf } from '../../src/app/compose.ts';
import { parseConfig, type TemperConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { createReleaseStack } from '../../src/domain/lifecycle.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import type { StatusReport } from '../../src/http/status-port.ts';
import { writeArtifact, type ModelArtifact } from '../../src/models/artifact.ts';
import { createRegistry, type Registry } from '../../src/models/registry.ts';
import { readStoreFile } from '../../src/store/embedded/store-file.ts';
import { openStore, type Store } from '../../src/store/store.ts';

export const MODEL = 'digits';
export const MAIN = resolve('dist/src/cli/main.js');

/** A child of the test: what it wrote, how it ended, and how to end it. */
export interface Child {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Rejects when it ends although the test did not end it. */
  readonly unexpectedEnd: Promise<never>;
  log(): Promise<string>;
  end(
    signal: NodeJS.Signals,
  ): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** A deployment in a folder of its own: registry, stream, store, and the processes that a person would start. */
export interface Deployment {
  readonly directory: string;
  readonly config: TemperConfig;
  readonly configPath: string;
  readonly streamPath: string;
  readonly store: Store;
  readonly registry: Registry;
  readonly httpUrl: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  start(name: string, ...argv: string[]): Child;
  /** The model server, once it answers. */
  startServer(): Promise<Child>;
  startSidecar(): Child;
  status(): Promise<StatusReport>;
  /** Process number of the embedded store; undefined when none runs. */
  storePid(): Promise<number | undefined>;
  /** Asks until the answer is there, and fails at once when one of the children ends meanwhile. */
  wait<T>(what: string, ask: () => Promise<T | undefined>, children?: readonly Child[]): Promise<T>;
  stop(): Promise<void>;
}

export interface DeploymentOptions {
  readonly model: ModelArtifact;
  /** Sections that replace the defaults below, whole. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Reference to the bearer token of requests that change something. Default: none. */
  readonly token?: { readonly env: string };
}

const WAIT_MS = 120_000;

/** Makes the folder, ships the model around the gate as version 1, and opens the embedded store. */
export async function createDeployment({
  model,
  sections = {},
  token,
}: DeploymentOptions): Promise<Deployment> {
  const releases = createReleaseStack();
  const directory = await mkdtemp(join(tmpdir(), 'temper-deployment-'));
  releases.defer('folder', () => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'logs'));
  const streamPath = join(directory, 'requests.jsonl');
  await writeFile(streamPath, '');
  const [servedPort, httpPort] = (await freePorts(2)) as [number, number];
  const env = { ...process.env, TEMPER_ENGINE: 'wasm', TEMPER_SAMPLING_KEY: 'a sampling key', NO_COLOR: '1' };
  const text = stringify({
    ...sectionsOf(servedPort),
    http: { port: httpPort, ...(token && { token }) },
    ...sections,
  });
  const configPath = join(directory, 'temper.yaml');
  await writeFile(configPath, text);
  const config = parseConfig(text, { file: configPath, folder: directory, env });
  const registry = createRegistry({ ...config.registry, clock: systemClock, owner: 'test' });
  await ship(registry, join(directory, 'first'), model);
  const storePid = async (): Promise<number | undefined> =>
    (await readStoreFile(config.store.embedded.directory))?.pid;
  releases.defer('store process', async () => killAndWait(await storePid()));
  const store = releases.adopt('store', await openStore(storeOptionsOf(config, systemClock, silentLogger)));
  const children: Child[] = [];
  releases.defer('children', async () => {
    await Promise.all(children.map((child) => child.end('SIGKILL')));
  });
  const start: Deployment['start'] = (name, ...argv) => {
    const child = startChild({ logPath: join(directory, 'logs', `${name}.log`), argv, env });
    children.push(child);
    return child;
  };
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  const wait: Deployment['wait'] = (what, ask, watched = []) =>
    until(ask, { what, timeoutMs: WAIT_MS, everyMs: 25, ended: watched.map((child) => child.unexpectedEnd) });
  return {
    directory,
    config,
    configPath,
    streamPath,
    store,
    registry,
    httpUrl,
    env,
    start,
    async startServer() {
      const { directory: models } = config.registry;
      const args = ['--registry', models, '--model', MODEL, '--port', String(servedPort)];
      const server = start('serve', 'serve', ...args, '--log-format', 'json');
      const url = `http://127.0.0.1:${servedPort}/v1/models/${MODEL}`;
      await wait('the model server', async () => ((await fetch(url)).ok ? true : undefined), [server]);
      return server;
    },
    startSidecar: () => start('sidecar', 'sidecar', '--config', configPath, '--log-format', 'json'),
    async status() {
      const response = await fetch(`${httpUrl}/api/v1/status`, { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`the status answered ${response.status}`);
      return (await response.json()) as StatusReport; // our own sidecar
    },
    storePid,
    wait,
    stop: () => releases.release(),
  };
}

function sectionsOf(servedPort: number): Record<string, unknown> {
  return {
    model: { name: MODEL, inputShape: [28, 28, 1], classes: 10, range: [0, 1] },
    threatModel: { norm: 'linf', epsilon: 0.3 },
    stream: streamSection(),
    served: {
      url: `http://127.0.0.1:${servedPort}`,
      outputs: 'logits',
      queriesPerMinute: 10_000_000,
      maxBatch: 64,
      loadGuard: { enabled: false },
    },
    probing: probingSection(),
    store: { database: 'temper_test', embedded: { directory: 'store', idleSeconds: 300 } },
    registry: { directory: 'registry' },
    harden: { directory: 'runs', pollSeconds: 0.1 },
  };
}

/** The stream's section; `limits` are those of a test that wants many small commits. */
export function streamSection(rate = 1, limits: Readonly<Record<string, number>> = {}): object {
  return {
    files: [{ path: 'requests.jsonl' }],
    sampling: { rate, key: { env: 'TEMPER_SAMPLING_KEY' } },
    limits,
  };
}

export function probingSection(slotSamples = 32): object {
  return {
    acknowledgeProbeTraffic: true,
    echoWaitSeconds: 0,
    sentinels: ['bim-20'],
    slotSamples,
    samplesPerMinute: 1_000_000,
    workers: 1,
  };
}

async function ship(registry: Registry, directory: string, model: ModelArtifact): Promise<void> {
  const { sha256 } = await writeArtifact(directory, model);
  const { hash: candidate } = await registry.addCandidate({ model: MODEL, source: { directory }, sha256 });
  await registry.promote({ model: MODEL, candidate, actor: 'test', reason: 'first', override: true });
}

interface ChildOptions {
  readonly logPath: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts a command of the compiled command line with its output in a log file. */
function startChild({ logPath, argv, env }: ChildOptions): Child {
  const log = createWriteStream(logPath, { flags: 'a' });
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...argv], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  let isEnding = false;
  const ended: Child['ended'] = new Promise((resolved) => {
    child.once('close', (code, signal) => {
      log.end();
      resolved({ code, signal });
    });
  });
  const readLog = (): Promise<string> => readFile(logPath, 'utf8');
  const unexpectedEnd = ended.then(async ({ code, signal }): Promise<never> => {
    if (isEnding) return new Promise(() => undefined);
    throw new Error(`temper ${argv[0]!} ended with ${code ?? signal}: ${(await readLog()).slice(-2000)}`);
  });
  unexpectedEnd.catch(() => undefined); // whoever waits on it hears of it
  return {
    pid: child.pid!,
    ended,
    unexpectedEnd,
    log: readLog,
    end(signal) {
      isEnding = true;
      child.kill(signal);
      return ended;
    },
  };
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** SIGKILL, and waits until the process is gone. */
export async function killAndWait(pid: number | undefined): Promise<void> {
  if (pid === undefined || !isAlive(pid)) return;
  process.kill(pid, 'SIGKILL');
  await until(() => Promise.resolve(isAlive(pid) ? undefined : true), {
    what: `process ${pid} to end`,
    timeoutMs: 20_000,
    everyMs: 10,
  });
}
