import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/domain/clock.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import type { Outcome } from '../../src/domain/probe.ts';
import type { Sample } from '../../src/domain/sample.ts';
import { readStoreFile } from '../../src/store/embedded/store-file.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';

/** A folder with an embedded engine of its own, which ends with it. */
export interface StoreFolder {
  readonly directory: string;
  /** Another client, as another process would be. */
  open(options?: Partial<StoreOptions>): Promise<Store>;
  pid(): Promise<number>;
  /** Ends the engine's process and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  release(): Promise<void>;
}

export async function createStoreFolder(idleSeconds = 20): Promise<StoreFolder> {
  const directory = await mkdtemp(join(tmpdir(), 'temper-store-'));
  const opened: { stop(): Promise<void> }[] = [];
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const file = await readStoreFile(directory);
    if (file === undefined || !isAlive(file.pid)) return;
    process.kill(file.pid, signal);
    await gone(file.pid);
  };
  return {
    directory,
    kill,
    pid: async () => (await readStoreFile(directory))!.pid,
    async open(options = {}) {
      const running = await openStore({
        database: 'temper_test',
        embedded: { directory, idleSeconds },
        clock: systemClock,
        logger: silentLogger,
        ...options,
      });
      opened.push(running);
      return running.value;
    },
    async release() {
      for (const { stop } of opened) await stop();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when no process has the number; fails after a time that no orderly end takes. */
export async function gone(pid: number, withinMs = 20_000): Promise<void> {
  for (const deadline = performance.now() + withinMs; isAlive(pid);) {
    if (performance.now() > deadline) throw new Error(`process ${pid} did not end within ${withinMs} ms`);
    await sleep(25);
  }
}

let names = 0;
export const freshModel = () => `model_${++names}`;
export const sample = (model: string, offset: number, source = `file:${model}`): Sample => ({
  sampleId: `${model}-${offset}#0`,
  eventId: `${model}-${offset}`,
  row: 0,
  model,
  position: { source, partition: 0, offset },
  eventTimeMs: Date.UTC(2026, 0, 1) + 1000 * offset,
  input: Float32Array.of(offset / 3, 0.1, 1),
});
export const batch = (model: string, offsets: number[], extra = {}) => ({
  model,
  range: {
    source: `file:${model}`,
    partition: 0,
    first: offsets[0]!,
    last: offsets.at(-1)!,
    counts: { sampled: offsets.length, skipped: 1 },
    reasons: { unsampled: 1 },
    rowsBeyondLimit: 0,
  },
  samples: offsets.map((offset) => sample(model, offset)),
  labels: [],
  responses: [],
  deadLetters: [],
  ingestedAtMs: Date.UTC(2026, 0, 2),
  ...extra,
});
export const done = (loss: number): Outcome => ({
  kind: 'done',
  measurement: {
    success: loss > 0,
    ...(loss > 0 ? { distance: 0.1 } : {}),
    loss,
    predictionBefore: 3,
    predictionAfter: loss > 0 ? 5 : 3,
    replicaAgrees: true,
    ...(loss > 0 ? { transferred: true } : {}),
    forwardQueries: 7,
    gradientQueries: 5,
    servedQueries: 2,
  },
});
export const probeOf = (of: Sample, outcome: Outcome, adversarial?: Float32Array) => ({
  sample: of,
  probe: {
    key: { sampleId: of.sampleId, recipeId: 'r1', threatModelId: 't', targetVersion: '1', round: 0 },
    role: 'sentinel' as const,
    outcome,
    ...(adversarial === undefined ? {} : { adversarial }),
  },
});
export const place = (model: string) => ({ model, source: `file:${model}`, partition: 0, recipeIds: ['r1'] });
