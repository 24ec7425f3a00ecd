import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRng, type Rng } from '../../src/domain/rng.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { computeStatus } from '../../src/monitoring/status.ts';
import {
  createDeployment,
  isAlive,
  killAndWait,
  MODEL,
  probingSection,
  streamSection,
  type Child,
  type Deployment,
} from '../support/deployment.ts';
import {
  childrenOf,
  factsOf,
  judgedFromScratch,
  seedBaseline,
  streamLines,
  type SidecarFacts,
} from '../support/sidecar-facts.ts';

/** Moments differ from run to run; TEMPER_CHAOS_SEED plays one again as far as the machine lets it. */
const SEED = Number(process.env['TEMPER_CHAOS_SEED'] ?? Date.now() % 1_000_000);
const REQUESTS = 360;
const SIDECAR_KILLS = 7;
const STORE_KILLS = 3;
const CANARIES = 6;

let lines: string[];
let undisturbed: SidecarFacts;

beforeAll(async () => {
  process.stdout.write(`kill moments: TEMPER_CHAOS_SEED=${SEED}\n`);
  lines = await streamLines(REQUESTS);
  const deployment = await deploy();
  try {
    await append(deployment, lines.join('\n') + '\n');
    const sidecar = deployment.startSidecar();
    await settle(deployment, sidecar);
    undisturbed = await factsOf(deployment);
  } finally {
    await deployment.stop();
  }
}, 180_000);

/** Small slots and small commits, so that there is always something half done. */
async function deploy(): Promise<Deployment> {
  const deployment = await createDeployment({
    model: digitsNetwork({ seed: 5, filters: [4, 4], hidden: 16 }),
    sections: {
      stream: streamSection(0.5, { batchLines: 16, commitRecords: 32, commitIntervalMs: 20 }),
      probing: { ...probingSection(8), canaries: { everySamples: 30, count: CANARIES } },
      monitoring: { minimumFolds: 20 },
    },
  });
  await deployment.startServer();
  await seedBaseline(deployment, CANARIES);
  return deployment;
}

const append = (deployment: Deployment, text: string | Buffer): Promise<void> =>
  appendFile(deployment.streamPath, text);

/** All of the stream is in the store, everything in the store is folded, and every alarm was delivered. */
async function settle(deployment: Deployment, sidecar: Child): Promise<void> {
  await deployment.wait(
    'the stream to be folded',
    async () => {
      if ((await lastOffset(deployment)) < lines.length - 1) return undefined;
      const { samples } = await deployment.store.countEverything(MODEL);
      const { foldsInAll, alarms, runs } = await deployment.status();
      const alerts = await deployment.store.listAlerts(MODEL);
      return foldsInAll === samples && alerts.length >= alarms.length && runs.length > 0 ? true : undefined;
    },
    [sidecar],
  );
}

async function lastOffset({ store }: Deployment): Promise<number> {
  return (await store.lastPositions())[0]?.offset ?? -1;
}

/** The stream's bytes in so many pieces, cut anywhere, in the middle of a line as well. */
function pieces(count: number, rng: Rng): Buffer[] {
  const bytes = Buffer.from(lines.join('\n') + '\n');
  const size = bytes.length / count;
  const cuts = Array.from({ length: count - 1 }, (_, i) => Math.floor((i + 0.5 + rng.uniform()) * size));
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

/** The state in the store is the one that an undisturbed run leaves, and the log alone gives what the status says. */
async function expectUndisturbed(deployment: Deployment): Promise<void> {
  const facts = await factsOf(deployment);
  expect(facts).toEqual(undisturbed);
  const { state, folded, snapshot } = await judgedFromScratch(deployment);
  expect(snapshot).toBe(folded);
  const { verdict, recipes, monitors, folds, foldsInAll, samplesSinceChange, missing, replica, alarms } =
    computeStatus(state);
  const expected = {
    verdict,
    sentinels: recipes,
    monitors,
    folds,
    foldsInAll,
    samplesSinceChange,
    missingShare: missing.share,
    replica,
    alarms,
  };
  expect(await deployment.status()).toMatchObject(JSON.parse(JSON.stringify(expected)) as object);
}

test('the undisturbed run has something of everything, each sample folded once', () => {
  const { counts, observations, rounds, kinds, alarms, gaps } = undisturbed;
  expect(gaps).toBe(0);
  expect(counts.events).toBe(lines.length);
  expect(counts.samples).toBeGreaterThan(REQUESTS * 0.35);
  expect(counts.samples).toBeLessThan(REQUESTS * 0.65);
  expect(counts.deadLetters).toBeGreaterThan(0);
  expect(observations).toHaveLength(counts.samples);
  expect(new Set(observations.map((entry) => (entry as { eventId: string }).eventId)).size).toBe(
    counts.samples,
  );
  expect(rounds).toHaveLength(Math.floor((counts.samples - 1) / 30));
  expect(alarms.length).toBeGreaterThan(0);
  expect(kinds).toMatchObject({ version: 1, baseline: 1, cause: alarms.length, delivered: alarms.length });
});

test(`a sidecar killed ${SIDECAR_KILLS} times loses nothing, counts nothing twice, and folds each sample once`, async () => {
  const rng = createRng('chaos-sidecar', SEED);
  const deployment = await deploy();
  try {
    const [last, ...before] = pieces(SIDECAR_KILLS + 1, rng).reverse();
    for (const [i, piece] of before.reverse().entries()) {
      const kind = (['starting', 'ingesting', 'probing'] as const)[i % 3]!;
      const from = await lastOffset(deployment);
      const sidecar = deployment.startSidecar();
      await append(deployment, piece);
      await moment(deployment, { kind, from, sidecar });
      // Not to wait for anything: to hit another place of the work each time.
      await sleep(rng.below(kind === 'starting' ? 1500 : 150));
      const workers = childrenOf(sidecar.pid);
      const { signal } = await sidecar.end('SIGKILL');
      expect(signal).toBe('SIGKILL');
      process.stdout.write(
        `  killed while ${kind}, ${await lastOffset(deployment)} of ${lines.length} lines ingested\n`,
      );
      await deployment.wait('its compute processes to end', () =>
        Promise.resolve(workers.some(isAlive) ? undefined : true),
      );
    }
    await append(deployment, last!);
    const sidecar = deployment.startSidecar();
    await settle(deployment, sidecar);
    await expectUndisturbed(deployment);
    expect(await sidecar.end('SIGTERM')).toEqual({ code: 0, signal: null });
  } finally {
    await deployment.stop();
  }
}, 240_000);

interface Moment {
  readonly kind: 'starting' | 'ingesting' | 'probing';
  readonly from: number;
  readonly sidecar: Child;
}

async function moment(deployment: Deployment, { kind, from, sidecar }: Moment): Promise<void> {
  if (kind === 'starting') return;
  if (kind === 'ingesting') {
    await deployment.wait(
      'a commit',
      async () => ((await lastOffset(deployment)) > from ? true : undefined),
      [sidecar],
    );
    return;
  }
  const folded = (await deployment.store.readFoldLog(MODEL, 1, 100_000)).length;
  await deployment.wait(
    'a fold',
    async () => ((await deployment.store.readFoldLog(MODEL, folded + 4, 1)).length > 0 ? true : undefined),
    [sidecar],
  );
}

test(`a store killed ${STORE_KILLS} times during ingest keeps what it acknowledged, and doubles nothing`, async () => {
  const rng = createRng('chaos-store', SEED);
  const deployment = await deploy();
  try {
    const sidecar = deployment.startSidecar();
    const [last, ...before] = pieces(STORE_KILLS + 1, rng).reverse();
    for (const piece of before.reverse()) {
      const from = await lastOffset(deployment);
      await append(deployment, piece);
      await moment(deployment, { kind: 'ingesting', from, sidecar });
      await sleep(rng.below(150));
      const acknowledged = await deployment.store.countEverything(MODEL);
      await killAndWait(await deployment.storePid());
      const kept = await deployment.wait(
        'the store to be back',
        () => deployment.store.countEverything(MODEL),
        [sidecar],
      );
      process.stdout.write(`  store killed at ${acknowledged.events} of ${lines.length} lines\n`);
      expect(kept.events).toBeGreaterThanOrEqual(acknowledged.events);
      expect(kept.samples).toBeGreaterThanOrEqual(acknowledged.samples);
      expect(kept.deadLetters).toBeGreaterThanOrEqual(acknowledged.deadLetters);
      for (const [outcome, count] of Object.entries(acknowledged.probes))
        expect(kept.probes[outcome]).toBeGreaterThanOrEqual(count);
    }
    await append(deployment, last!);
    await settle(deployment, sidecar);
    await expectUndisturbed(deployment);
  } finally {
    await deployment.stop();
  }
}, 240_000);
