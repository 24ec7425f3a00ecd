import { addUniversal, trainUniversal } from '../../../src/attacks/transfer/universal.ts';
import { measureOf } from '../../../src/domain/distance.ts';
import { createRng } from '../../../src/domain/rng.ts';
import { predictedClass } from '../../../src/domain/target.ts';
import { NORMS, type ThreatModel } from '../../../src/domain/threat-model.ts';
import { playPrecomputed } from '../../../src/evaluation/precomputed.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const FEATURES = 20;
const COUNT = 60;
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 12, classes: 3 }, 8), [FEATURES]);
const TRAINING = randomInputs(COUNT, FEATURES, 1);
const HELD_OUT = randomInputs(COUNT, FEATURES, 2);
const rows = Int32Array.from({ length: COUNT }, (_, i) => i);
const EPSILON = { linf: 0.15, l2: 0.6, l1: 2, l0: 5 };
const threatIn = (norm: (typeof NORMS)[number]): ThreatModel => ({
  norm,
  epsilon: EPSILON[norm],
  range: [0, 1],
  access: 'gradients',
});

async function fooledBy(inputs: Float32Array, labels: Int32Array): Promise<number> {
  const scores = await network.scores({ inputs, count: COUNT, rows });
  return labels.reduce((sum, label, i) => sum + Number(predictedClass(scores, 3, i) !== label), 0);
}

describe.each(NORMS)('a universal perturbation in %s', (norm) => {
  const threat = threatIn(norm);
  const train = async (seed = 1) =>
    trainUniversal({
      target: network,
      inputs: TRAINING,
      labels: await ownLabels(network, TRAINING),
      threat,
      seed,
      batchSize: 16,
    });

  test('lies in the ball, as do the inputs that it is added to, and the same seed gives the same', async () => {
    const { perturbation, fooled } = await train();
    const measure = measureOf(threat, FEATURES);
    const zero = new Float32Array(FEATURES);
    expect(measure({ values: zero, row: 0 }, { values: perturbation, row: 0 })).toBeLessThanOrEqual(
      threat.epsilon,
    );
    const moved = addUniversal(perturbation, { inputs: HELD_OUT, threat });
    for (let i = 0; i < COUNT; i++)
      expect(measure({ values: HELD_OUT, row: i }, { values: moved, row: i })).toBeLessThanOrEqual(
        threat.epsilon,
      );
    expect(moved.every((x) => x >= 0 && x <= 1)).toBe(true);
    expect(await train()).toEqual({ perturbation, fooled });
  });

  test('fools examples that it has not seen, more of them than random ones of its size', async () => {
    const { perturbation, fooled } = await train();
    const labels = await ownLabels(network, HELD_OUT);
    const found = await fooledBy(addUniversal(perturbation, { inputs: HELD_OUT, threat }), labels);
    const rng = createRng('random signs', norm);
    const scrambled = perturbation.map((x) => (rng.uniform() < 0.5 ? -x : x));
    const random = await fooledBy(addUniversal(scrambled, { inputs: HELD_OUT, threat }), labels);
    expect(fooled).toBeGreaterThan(0.1);
    expect(found).toBeGreaterThan(random);
    const { success, forwardQueries } = await playPrecomputed({
      target: network,
      inputs: HELD_OUT,
      labels,
      sets: [addUniversal(perturbation, { inputs: HELD_OUT, threat })],
      threat,
    });
    expect(success.reduce((a, b) => a + b, 0)).toBe(found);
    expect(Array.from(forwardQueries)).toEqual(Array.from(rows, () => 2));
  });
});

test('under constraints inputs with a universal perturbation are feasible', async () => {
  const threat: ThreatModel = {
    ...threatIn('linf'),
    constraints: { immutable: [0, 1], rising: [2], scales: [[3, 2]] },
  };
  const labels = await ownLabels(network, TRAINING);
  const { perturbation } = await trainUniversal({
    target: network,
    inputs: TRAINING,
    labels,
    threat,
    seed: 1,
  });
  const moved = addUniversal(perturbation, { inputs: HELD_OUT, threat });
  for (let i = 0; i < COUNT; i++) {
    expect(moved.subarray(i * FEATURES, i * FEATURES + 2)).toEqual(
      HELD_OUT.subarray(i * FEATURES, i * FEATURES + 2),
    );
    expect(moved[i * FEATURES + 2]).toBeGreaterThanOrEqual(HELD_OUT[i * FEATURES + 2]!);
  }
});

test('a precomputed example outside the ball is no success, and a fallen one is not asked about again', async () => {
  const threat = threatIn('linf');
  const labels = await ownLabels(network, HELD_OUT);
  const elsewhere = HELD_OUT.map((x) => 1 - x);
  const far = await playPrecomputed({ target: network, inputs: HELD_OUT, labels, sets: [elsewhere], threat });
  expect(await fooledBy(elsewhere, labels)).toBeGreaterThan(0);
  expect(far.success.includes(1)).toBe(false);
  const wide = { ...threat, epsilon: 1 };
  const twice = await playPrecomputed({
    target: network,
    inputs: HELD_OUT,
    labels,
    sets: [elsewhere, elsewhere],
    threat: wide,
  });
  twice.success.forEach((success, i) => expect(twice.forwardQueries[i]).toBe(success === 1 ? 2 : 3));
  await expect(
    playPrecomputed({ target: network, inputs: HELD_OUT, labels, sets: [elsewhere.slice(1)], threat }),
  ).rejects.toThrow('in set 0');
});

test('a universal perturbation of nothing is refused', async () => {
  await expect(
    trainUniversal({
      target: network,
      inputs: new Float32Array(),
      labels: new Int32Array(),
      threat: threatIn('l2'),
      seed: 1,
    }),
  ).rejects.toThrow('got none');
});
