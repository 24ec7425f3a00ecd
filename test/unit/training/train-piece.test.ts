import { createRng } from '../../../src/domain/rng.ts';
import { tf } from '../../../src/engine/tf.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { measurePiece } from '../../../src/training/measure-piece.ts';
import type { Objective } from '../../../src/training/objective.ts';
import { trainPiece, type TrainPieceInput } from '../../../src/training/train-piece.ts';
import { forgetNetworks } from '../../../src/training/worker-model.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);
afterAll(() => forgetNetworks());

const network = buildNetwork({
  name: 'tiny',
  inputShape: [5, 5, 1],
  seed: 4,
  layers: [
    { kind: 'convolution', filters: 3, kernel: 3, stride: 2, activation: 'relu' },
    { kind: 'flatten' },
    { kind: 'dense', units: 6, activation: 'relu' },
    { kind: 'dense', units: 3, activation: 'linear' },
  ],
});

function floats(count: number, name: string): Float32Array {
  const rng = createRng(name);
  return Float32Array.from({ length: count }, () => rng.uniform());
}

const fresh = {
  inputs: Uint8Array.from(floats(4 * 25, 'x'), (x) => 255 * x),
  labels: Int32Array.of(0, 1, 2, 0),
};

/** A piece whose attack stands still at its carried start, so that the objective is a smooth function of the weights. */
function standing(objective: Objective): TrainPieceInput {
  return {
    network,
    objective,
    attack: { norm: 'linf', epsilon: 0.2, range: [0, 1], steps: 1, reach: 0 },
    fresh,
    start: { kind: 'carried', perturbations: Int8Array.from(floats(100, 'd'), (x) => 254 * (x - 0.5)) },
    carry: false,
    stored: { inputs: floats(2 * 25, 's'), labels: Int32Array.of(1, 2) },
  };
}

const moving = (objective: Objective): TrainPieceInput => ({
  ...standing(objective),
  attack: { norm: 'linf', epsilon: 0.2, range: [0, 1], steps: 4, reach: 1.5 },
  start: { kind: 'random', identities: [['a'], ['b'], ['c'], ['d']] },
});

const objectives: Objective[] = [
  { kind: 'clean' },
  { kind: 'pgd' },
  { kind: 'mixed', kl: 2, clean: 0.3 },
  { kind: 'trades', beta: 2 },
];

test.each(objectives)('the gradient of %j by the weights equals finite differences', async (objective) => {
  const { gradient } = await trainPiece(standing(objective));
  expect(gradient).toHaveLength(network.weights.length);
  const step = 2 ** -9;
  for (let i = 0; i < gradient.length; i += 7) {
    const lossAt = async (delta: number): Promise<number> => {
      const weights = Float32Array.from(network.weights);
      weights[i]! += delta;
      return (await trainPiece({ ...standing(objective), network: { ...network, weights } })).loss;
    };
    const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    expect(Math.abs(gradient[i]! - numeric)).toBeLessThan(0.02 + 0.02 * Math.abs(numeric));
  }
});

test('gradients and losses of pieces add up to those of the whole', async () => {
  const whole = await trainPiece({ ...moving({ kind: 'pgd' }), carry: true });
  const part = (from: number, to: number): TrainPieceInput => ({
    ...moving({ kind: 'pgd' }),
    carry: true,
    fresh: { inputs: fresh.inputs.subarray(25 * from, 25 * to), labels: fresh.labels.subarray(from, to) },
    start: { kind: 'random', identities: [['a'], ['b'], ['c'], ['d']].slice(from, to) },
    stored: {
      inputs: floats(50, 's').subarray(25 * (from / 2), 25 * (to / 2)),
      labels: Int32Array.of(1, 2).subarray(from / 2, to / 2),
    },
  });
  const [first, second] = [await trainPiece(part(0, 2)), await trainPiece(part(2, 4))];
  expect(first.loss + second.loss).toBeCloseTo(whole.loss, 4);
  expect(first.correct + second.correct).toBe(whole.correct);
  whole.gradient.forEach((value, i) =>
    expect(first.gradient[i]! + second.gradient[i]!).toBeCloseTo(value, 4),
  );
  expect([...first.carried!, ...second.carried!]).toEqual([...whole.carried!]);
});

test('the attack raises the loss, and what is carried on raises it further', async () => {
  const objective = { kind: 'pgd' } as const;
  const noStored = { inputs: new Float32Array(), labels: new Int32Array() };
  const start = { ...moving(objective), stored: noStored, carry: true };
  const clean = await trainPiece({ ...start, objective: { kind: 'clean' } });
  const first = await trainPiece(start);
  const again = await trainPiece({ ...start, start: { kind: 'carried', perturbations: first.carried! } });
  expect(first.loss).toBeGreaterThan(clean.loss + 0.05);
  expect(again.loss).toBeGreaterThanOrEqual(first.loss - 1e-4);
  expect(clean.carried).toBeUndefined();
});

test('a single step from a random start climbs away from the own prediction, not from the label', async () => {
  const single: TrainPieceInput = {
    ...moving({ kind: 'pgd' }),
    attack: { norm: 'linf', epsilon: 0.2, range: [0, 1], steps: 1, reach: 1 },
    stored: { inputs: new Float32Array(), labels: new Int32Array() },
    carry: false,
  };
  const relabelled = (label: number): TrainPieceInput => ({
    ...single,
    fresh: { ...fresh, labels: Int32Array.of(label, label, label, label) },
  });
  // With the label out of the attack, the attacked rows are the same whatever the labels are, so that the losses under all
  // labels belong to one softmax: Σ exp(−loss) = 1 for a single row.
  const row: TrainPieceInput = {
    ...single,
    fresh: { inputs: fresh.inputs.subarray(0, 25), labels: Int32Array.of(0) },
    start: { kind: 'random', identities: [['a']] },
  };
  let total = 0;
  for (const label of [0, 1, 2])
    total += Math.exp(
      -(await trainPiece({ ...row, fresh: { ...row.fresh, labels: Int32Array.of(label) } })).loss,
    );
  expect(total).toBeCloseTo(1, 5);
  expect((await trainPiece(relabelled(0))).loss).not.toBeCloseTo((await trainPiece(relabelled(1))).loss, 3);
});

test.each(objectives)('no tensor is left over by %j', async (objective) => {
  await trainPiece(standing(objective));
  const before = tf.memory().numTensors;
  await trainPiece({ ...moving(objective), carry: true });
  await measurePiece({
    network,
    rows: fresh,
    attack: moving(objective).attack,
    identities: [['a'], ['b'], ['c'], ['d']],
  });
  expect(tf.memory().numTensors).toBe(before);
});

test('a piece of stored rows only, and one of fresh rows only, are fine', async () => {
  const none = { inputs: new Uint8Array(), labels: new Int32Array() };
  const stored = await trainPiece({
    ...standing({ kind: 'pgd' }),
    fresh: none,
    start: { kind: 'random', identities: [] },
  });
  expect(stored.loss).toBeGreaterThan(0);
  expect(stored.correct).toBe(0);
  const clean = await trainPiece({ ...standing({ kind: 'clean' }), stored: none });
  expect(clean.gradient.some((value) => value !== 0)).toBe(true);
});

test('measuring counts rows that are right, fewer under attack', async () => {
  const rows = { inputs: floats(60 * 25, 'm'), labels: new Int32Array(60) };
  const identities = Array.from({ length: 60 }, (_, i) => [i]);
  const attack = { norm: 'linf', epsilon: 0.5, range: [0, 1], steps: 10, reach: 2.5 } as const;
  const byLabel = [0, 1, 2].map((label) =>
    measurePiece({ network, rows: { ...rows, labels: rows.labels.map(() => label) }, attack, identities }),
  );
  const measured = await Promise.all(byLabel);
  expect(measured.reduce((sum, { cleanCorrect }) => sum + cleanCorrect, 0)).toBe(60);
  expect(measured.reduce((sum, { robustCorrect }) => sum + robustCorrect, 0)).toBeLessThan(55);
});
