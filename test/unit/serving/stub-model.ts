import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/domain/clock.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { createRegistry, type ModelVersion, type Registry } from '../../../src/models/registry.ts';
import { servingConfigSchema } from '../../../src/serving/config.ts';
import type { Scorer } from '../../../src/serving/scorer.ts';
import { createModelServer, type ModelServer } from '../../../src/serving/server.ts';

export const MODEL = 'digits';

/** A tiny model of two features: scores are (version, x0, x1). Some can be told to be slow or broken. */
export interface StubBehaviour {
  delayMs?: number;
  /** Requests wait for this, and are counted while they do. */
  hold?: Promise<void>;
  held?: number;
  loadMs?: number;
  failsToLoad?: (version: number) => boolean;
  output?: Scorer['output'];
  /** Adds this much per row of the batch, as a kernel might that sums in another order. */
  batchNoise?: number;
}

export interface ServedRegistry {
  readonly registry: Registry;
  readonly directory: string;
  readonly behaviour: StubBehaviour;
  readonly disposed: number[];
  publish(): Promise<number>;
  start(config?: object): Promise<{ value: ModelServer; stop(): Promise<void> }>;
  stop(): Promise<void>;
}

export async function servedRegistry(): Promise<ServedRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'temper-serving-'));
  const registry = createRegistry({ directory, clock: systemClock, lockWaitMs: 10_000 });
  const behaviour: StubBehaviour = {};
  const disposed: number[] = [];
  const stops: (() => Promise<void>)[] = [];
  let published = 0;
  return {
    registry,
    directory,
    behaviour,
    disposed,
    async publish() {
      const files = { 'model.json': Buffer.from(`${published++}`), 'weights.bin': Buffer.alloc(4) };
      const { hash } = await registry.addCandidate({ model: MODEL, source: { files }, sha256: '' });
      const request = { model: MODEL, candidate: hash, actor: 'test', reason: 'test', override: true };
      return (await registry.promote(request)).version;
    },
    async start(config = {}) {
      const running = await createModelServer({
        registryDirectory: directory,
        model: MODEL,
        config: servingConfigSchema.parse({ port: 0, pollMs: 10, ...config }),
        logger: silentLogger,
        createScorer: (version) => stubScorer(version, behaviour, disposed),
      });
      stops.push(() => running.stop());
      return running;
    },
    async stop() {
      for (const stop of stops) await stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function stubScorer(
  { version }: ModelVersion,
  behaviour: StubBehaviour,
  disposed: number[],
): Promise<Scorer> {
  await pause(behaviour.loadMs);
  if (behaviour.failsToLoad?.(version) === true) throw new Error(`version ${version} is broken`);
  let alive = true;
  return {
    inputShape: [2],
    classes: 3,
    output: behaviour.output ?? 'logits',
    async scores(inputs, count) {
      await pause(behaviour.delayMs);
      if (behaviour.hold !== undefined) {
        behaviour.held = (behaviour.held ?? 0) + 1;
        await behaviour.hold;
      }
      if (!alive) throw new Error(`version ${version} was asked after it was disposed of`);
      const noise = (behaviour.batchNoise ?? 0) * count;
      const rows = Array.from({ length: count }, (_, i) => [
        version + noise,
        inputs[2 * i]!,
        inputs[2 * i + 1]!,
      ]);
      return Float32Array.from(rows.flat());
    },
    dispose() {
      alive = false;
      disposed.push(version);
    },
  };
}

export async function pause(ms: number | undefined): Promise<void> {
  if (ms !== undefined) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Holds every request from now on until the returned function is called. */
export function holdRequests(behaviour: StubBehaviour): () => void {
  let letGo: () => void = () => undefined;
  behaviour.held = 0;
  behaviour.hold = new Promise((resolve) => (letGo = resolve));
  return letGo;
}

/** Waits for a condition, at most half a minute: the machine may be busy. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > giveUpAtMs) throw new Error('waited half a minute in vain');
    await pause(5);
  }
}
