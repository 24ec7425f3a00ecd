import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestIdOf } from '../../../pipelines/harden/threshold-trigger.ts';
import { runHardenWorker } from '../../../src/app/harden/worker.ts';
import type { Services } from '../../../src/app/compose.ts';
import { createReleaseStack } from '../../../src/domain/lifecycle.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import type { RunRequest } from '../../../src/domain/run.ts';
import type { RequestWithRun, RunRow } from '../../../src/store/queries/runs.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-worker-'));
});
afterEach(() => rm(directory, { recursive: true }));

const MINUTE_MS = 60_000;
const NOW_MS = Date.UTC(2026, 10, 22, 3, 0, 30);
const SLOT_MS = Date.UTC(2026, 10, 22, 3, 0);

const request = (requestId: string): RunRequest => ({
  requestId,
  model: 'digits',
  trigger: 'schedule',
  reason: 'test',
  requestedAtMs: SLOT_MS,
  frozenPositions: { 'file/0': 10 },
});
const runOf = (requestId: string, state: RunRow['state'], atMs: number): RunRow => ({
  requestId,
  runId: requestId,
  model: 'digits',
  state,
  stage: '',
  detail: {},
  fence: 1,
  atMs,
});

/** A worker on a real lock, and a store of requests in memory. */
async function work(store: object, { signal, schedule }: { signal: AbortSignal; schedule?: string }) {
  const releases = createReleaseStack();
  const services = {
    config: {
      model: { name: 'digits' },
      registry: { directory, keep: 5 },
      probing: { bisectionSteps: 1, canaries: { count: 2 } },
      monitoring: { confidence: 0.99 },
      harden: { directory: join(directory, 'runs'), pollSeconds: 0.01, trigger: { schedule } },
      seed: 0,
    },
    clock: { nowMs: () => NOW_MS },
    logger: silentLogger,
    store,
  } as unknown as Services; // what the worker reads before a stage runs
  try {
    return await runHardenWorker({ services, signal, releases, once: true });
  } finally {
    await releases.release();
  }
}

test('a worker that was overtaken ends, and records nothing about a run that is no longer its own', async () => {
  const saved: RunRow[] = [];
  const store = {
    async listRuns(): Promise<RequestWithRun[]> {
      await writeFile(join(directory, '.locks', 'harden-digits', '000000000002'), '');
      return [{ request: request('a'), run: undefined }];
    },
    saveRun: (row: RunRow) => Promise.resolve(saved.push(row)),
  };
  await expect(work(store, { signal: new AbortController().signal })).rejects.toMatchObject({
    code: 'TEMPER_REGISTRY_FENCED',
  });
  expect(saved).toEqual([]);
});

test('a scheduled run that was killed keeps its frozen positions when its slot is caught up', async () => {
  const id = requestIdOf('digits', 'schedule', SLOT_MS);
  const ended = new AbortController();
  ended.abort();
  const written: RunRequest[] = [];
  const store = (runs: RequestWithRun[]) => ({
    listRuns: () => Promise.resolve(runs),
    lastPositions: () => Promise.resolve([{ source: 'file', partition: 0, offset: 99 }]),
    saveRunRequest: (row: RunRequest) => Promise.resolve(written.push(row)),
  });
  const earlier = { request: request('before'), run: runOf('before', 'promoted', SLOT_MS - 5 * MINUTE_MS) };
  const options = { signal: ended.signal, schedule: '* * * * *' };
  await work(store([earlier, { request: request(id), run: runOf(id, 'claimed', SLOT_MS) }]), options);
  expect(written).toEqual([]);
  await work(store([earlier]), options);
  expect(written).toMatchObject([{ requestId: id, frozenPositions: { 'file/0': 99 } }]);
});
