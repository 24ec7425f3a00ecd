import { presetRecipe } from '../../../src/attacks/presets.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { explorerObservation } from '../../../src/app/sidecar/explorer.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { recipeLabel } from '../../../src/domain/recipe.ts';
import type { Sample } from '../../../src/domain/sample.ts';
import type { GradientTarget } from '../../../src/domain/target.ts';
import { attackAndRefineOn } from '../../../src/evaluation/tasks.ts';
import type { NumberedEntry } from '../../../src/monitoring/fold-log.ts';
import { createJudge } from '../../../src/monitoring/judge.ts';
import { controlOf, exploreSlot, type ExploredEvent } from '../../../src/probing/explore-slot.ts';
import { createProber } from '../../../src/probing/prober.ts';
import { createServedReader } from '../../../src/probing/served-reader.ts';
import { networkTarget, randomInputs, randomWeights } from '../../support/network-target.ts';
import { settings as judgeSettings } from '../monitoring/entries.ts';

const FEATURES = 25;
const COUNT = 150;
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 14, classes: 5 }, 5), [5, 5, 1]);
/** A model whose gradients say nothing: what follows them finds nothing, what asks for scores does. */
const blind: GradientTarget = {
  ...network,
  async gradient(batch, loss) {
    const answer = await network.gradient(batch, loss);
    return { ...answer, gradient: answer.gradient.fill(0) };
  },
};
const INPUTS = randomInputs(COUNT, FEATURES, 4);
const settings = {
  threat: { norm: 'linf', epsilon: 0.3, range: [0, 1], access: 'gradients' } as const,
  seed: 1,
  bisectionSteps: 6,
};

const samples = Array.from({ length: COUNT }, (_, i): Sample => ({
  sampleId: `event-${i}#0`,
  eventId: `event-${i}`,
  row: 0,
  model: 'digits',
  position: { source: 'file:a', partition: 0, offset: i },
  eventTimeMs: 1000 * i,
  input: INPUTS.slice(i * FEATURES, (i + 1) * FEATURES),
}));

const proberFor = (replica: GradientTarget) =>
  createProber({
    craft: (request) => attackAndRefineOn(replica, request),
    reader: createServedReader({
      served: {
        predict: (inputs, count) =>
          network.scores({ inputs, count, rows: Int32Array.from({ length: count }, (_, i) => i) }),
      },
      knownGood: () => undefined,
    }),
  });

const explore = (
  replica: GradientTarget,
  { rotation, events }: { rotation: Parameters<typeof exploreSlot>[0]['rotation']; events: ExploredEvent[] },
) =>
  exploreSlot({
    events,
    rotation,
    prober: proberFor(replica),
    settings,
    replica: { path: 'a replica', sha256: '0' },
    version: '3',
  });
const single = (losses: readonly (number | undefined)[]): ExploredEvent[] =>
  samples.map((sample, i) => ({ samples: [sample], sentinelLosses: [losses[i]] }));
const zeros = Array.from({ length: COUNT }, () => 0);
const square = presetRecipe('square-300');

/** Folds what explorers found into a judge with a log in memory. */
async function judge(results: Awaited<ReturnType<typeof exploreSlot>>) {
  const log: NumberedEntry[] = [];
  const judged = createJudge(judgeSettings(), {
    model: 'digits',
    foldLog: {
      readFrom: (seq) => Promise.resolve(log.slice(seq - 1)),
      append: (entries) => Promise.resolve(void log.push(...entries)),
    },
    experiment: { run: () => Promise.resolve({ canaries: { compared: 100, changed: false } }) },
    alerts: { deliver: () => Promise.resolve() },
    clock: { nowMs: () => 0 },
    logger: silentLogger,
  });
  await judged.start();
  await judged.control({ kind: 'version', atMs: 0, version: '3' });
  for (const result of results) await judged.fold([explorerObservation(result)]);
  return judged.status();
}

test('a recipe that breaks what sentinels and a control of equal cost cannot is a new attack', async () => {
  const { alarms } = await judge(await explore(blind, { rotation: [square], events: single(zeros) }));
  expect(alarms).toHaveLength(1);
  expect(alarms[0]).toMatchObject({ monitor: 'explorer', cause: 'new_attack', recipe: recipeLabel(square) });
  expect(alarms[0]!.examples.length).toBeGreaterThan(0);
});

test('more of the known is no new attack: the control has the same cost', async () => {
  const strong = parseRecipe({ name: 'strong', attack: 'composed', parameters: { steps: 20, restarts: 2 } });
  const results = await explore(network, { rotation: [strong], events: single(zeros) });
  expect(results.some(({ records }) => records[0]!.probe.outcome.kind === 'done')).toBe(true);
  expect(results.some(({ knownLoss }) => (knownLoss ?? 0) > 0)).toBe(true);
  expect((await judge(results)).alarms).toEqual([]);
});

test('a sentinel without a measurement leaves nothing to compare with', async () => {
  const some = single(zeros.map((_, i) => (i === 0 ? undefined : 0))).slice(0, 2);
  const results = await explore(blind, { rotation: [square], events: some });
  const [first, second] = results.map(explorerObservation);
  expect(first).not.toHaveProperty('sentinelLoss');
  expect(second).toMatchObject({ lane: 'explorer', sentinelLoss: 0, version: '3' });
});

test('which recipe an event gets is its own matter, and each is a probe of an explorer', async () => {
  const rotation = [presetRecipe('fgsm'), presetRecipe('bim-2'), presetRecipe('square-5')];
  const all = await explore(network, { rotation, events: single(zeros).slice(0, 30) });
  const some = await explore(network, { rotation, events: single(zeros).slice(10, 20) });
  const chosen = (results: typeof all) =>
    new Map(results.map(({ event, recipe }) => [event.samples[0]!.sampleId, recipe.name]));
  for (const [id, name] of chosen(some)) expect(chosen(all).get(id)).toBe(name);
  expect(new Set(chosen(all).values()).size).toBe(3);
  expect(all.flatMap(({ records }) => records).every(({ probe }) => probe.role === 'explorer')).toBe(true);
});

test('the rows of one event are one observation', async () => {
  const event = { samples: samples.slice(0, 3), sentinelLosses: [0.2, 0.4, 0.6] };
  const [result] = await explore(blind, { rotation: [presetRecipe('fgsm')], events: [event] });
  expect(result!.records).toHaveLength(3);
  expect(result!.knownLoss).toBeCloseTo(0.4);
  expect(explorerObservation(result!).rows).toBe(3);
});

test.each([
  ['pgd-40x5', { steps: 100, restarts: 2 }],
  ['square-300', { steps: 100, restarts: 1 }],
  ['fgsm', { steps: 100, restarts: 1 }],
  ['apgd-t', { steps: 100, restarts: 9 }],
])('the control of %s takes as many gradients', (name, expected) => {
  expect(controlOf(presetRecipe(name)).parameters).toMatchObject(expected);
});
