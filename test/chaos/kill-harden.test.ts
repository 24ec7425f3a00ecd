import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { STAGES } from '../../src/domain/run.ts';
import { readManifest } from '../../pipelines/harden/run.ts';
import { trainOutput } from '../../pipelines/harden/stages/train.ts';
import { runIdOf } from '../../src/app/harden/worker.ts';
import type { RunRequest } from '../../src/domain/run.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { createDeployment, isAlive, MODEL, type Child, type Deployment } from '../support/deployment.ts';
import { childrenOf } from '../support/sidecar-facts.ts';

const REQUEST: RunRequest = {
  requestId: 'chaos-request',
  model: MODEL,
  trigger: 'manual',
  reason: 'chaos',
  requestedAtMs: Date.UTC(2026, 0, 5),
  frozenPositions: {},
};

/** Where the worker is killed: once its run's folder holds this. Between them lies every stage from training on. */
const KILLED_AT = [
  '.train.partial/checkpoint/checkpoint.bin',
  'train/manifest.json',
  'gate/manifest.json',
  'promote/manifest.json',
] as const;

const harden = {
  directory: 'runs',
  pollSeconds: 0.1,
  workers: 1,
  generatedRows: 16,
  heldOutAttacks: ['apgd-ce-10', 'square-100'],
  informationalAttacks: ['pgd-10'],
  data: { trainRows: 3000, gateRows: 30, baselineRows: 40 },
  training: { epochs: 3, validation: { rows: 40 } },
  policy: {
    minimumCleanAccuracy: 0,
    minimumRobustAccuracy: 0,
    maximumCleanDrop: 1,
    maximumRobustDrop: 1,
  },
};

async function deploy(): Promise<Deployment> {
  const deployment = await createDeployment({
    model: digitsNetwork({ seed: 5, filters: [4, 4], hidden: 16 }),
    sections: {
      harden,
      probing: { acknowledgeProbeTraffic: true, sentinels: ['bim-20'], canaries: { count: 4 } },
    },
  });
  await deployment.startServer();
  await deployment.store.saveRunRequest(REQUEST);
  return deployment;
}

const startWorker = (deployment: Deployment): Child =>
  deployment.start(
    'harden',
    'harden',
    'worker',
    '--once',
    '--config',
    deployment.configPath,
    '--log-format',
    'json',
  );

interface HardenFacts {
  readonly weights: string;
  readonly history: unknown;
  readonly state: unknown;
  /** Stages whose durations the store has, for the metrics. */
  readonly timed: readonly string[];
  /** Promotions as the store remembers them. */
  readonly promotions: readonly unknown[];
  readonly ledger: readonly string[];
  readonly versions: readonly {
    readonly version: number;
    readonly gated: boolean;
    readonly current: boolean;
  }[];
  readonly problems: readonly unknown[];
  readonly baselines: readonly unknown[];
  /** What every stage left, by the hash of every file of its own; paths and times are not compared. */
  readonly files: unknown;
}

async function factsOf({ config, registry, store }: Deployment): Promise<HardenFacts> {
  const directory = join(config.harden.directory, runIdOf(REQUEST));
  const manifests = await Promise.all(STAGES.map((stage) => readManifest(directory, stage)));
  const train = trainOutput(manifests[STAGES.indexOf('train')]!.output);
  const [run] = await store.listRuns(MODEL);
  const { seconds } = run!.run!.detail as { seconds: object };
  return {
    timed: Object.keys(seconds),
    promotions: (await store.listPromotions(MODEL)).map(({ version, ledgerSeq }) => [version, ledgerSeq]),
    weights: train.model.sha256,
    history: train.history,
    state: [run!.run!.state, (run!.run!.detail as { version: number }).version],
    ledger: (await registry.history(MODEL)).map(({ event }) => event.kind),
    versions: (await registry.versions(MODEL)).map(({ version, gated, current }) => ({
      version,
      gated,
      current,
    })),
    problems: await registry.verify(MODEL),
    baselines: await store.latestBaselines(MODEL),
    files: manifests.map((manifest) => [manifest!.stage, manifest!.files]),
  };
}

/** The worker's log lines of one kind. */
async function logged(child: Child, message: string): Promise<Record<string, unknown>[]> {
  const lines = (await child.log()).split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === message);
}

test('a harden worker killed while training, judging and promoting ends where an undisturbed one ends', async () => {
  const calm = await deploy();
  let expected: HardenFacts;
  try {
    expect(await startWorker(calm).ended).toEqual({ code: 0, signal: null });
    expected = await factsOf(calm);
  } finally {
    await calm.stop();
  }
  expect(expected).toMatchObject({
    state: ['promoted', 2],
    timed: STAGES,
    promotions: [[2, 3]],
    ledger: ['promote', 'gate', 'promote'],
    problems: [],
    versions: [
      { version: 1, gated: false, current: false },
      { version: 2, gated: true, current: true },
    ],
  });

  const deployment = await deploy();
  try {
    const directory = join(deployment.config.harden.directory, runIdOf(REQUEST));
    for (const place of KILLED_AT) {
      const worker = startWorker(deployment);
      await deployment.wait(
        place,
        () => Promise.resolve(existsSync(join(directory, place)) ? true : undefined),
        [worker],
      );
      const workers = childrenOf(worker.pid);
      expect((await worker.end('SIGKILL')).signal).toBe('SIGKILL');
      await deployment.wait('its compute processes to end', () =>
        Promise.resolve(workers.some(isAlive) ? undefined : true),
      );
      expect((await deployment.store.listRuns(MODEL))[0]!.run!.state).toBe('claimed');
    }
    const worker = startWorker(deployment);
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await factsOf(deployment)).toEqual(expected);
    const [resumed, ...more] = await logged(worker, 'training_resumed');
    expect(resumed).toMatchObject({ epochs: expect.any(Number) as number });
    expect(more).toEqual([]);
    // At most the epoch that the kill cut short was trained again; it is logged before its checkpoint is written.
    const epochs = (await logged(worker, 'training_epoch')).map(({ epoch }) => epoch);
    expect([...new Set(epochs)]).toEqual([1, 2, 3]);
    expect(epochs.length).toBeLessThanOrEqual(4);
  } finally {
    await deployment.stop();
  }
}, 300_000);
