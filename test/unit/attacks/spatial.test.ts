import { warp } from '../../../src/attacks/images/warp.ts';
import {
  attackSpatially,
  distanceOf,
  STANDARD_GRID,
  type SpatialOptions,
  type SpatialReading,
} from '../../../src/attacks/spatial/spatial.ts';
import { predictedClass } from '../../../src/domain/target.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const COUNT = 8;
const CLASSES = 4;
const FEATURES = 64;
const shape = { height: 8, width: 8, channels: 1 };
const network = networkTarget(
  randomWeights({ features: FEATURES, hidden: 16, classes: CLASSES }, 2),
  [8, 8, 1],
);
const INPUTS = randomInputs(COUNT, FEATURES, 6);
const IDS = Array.from({ length: COUNT }, (_, i) => `image-${i}`);
const threat = { degrees: 6, pixels: 0.5, range: [0, 1] as const };
const image = (values: Float32Array, i: number): Float32Array =>
  values.subarray(i * FEATURES, (i + 1) * FEATURES);

async function attack(given: Partial<SpatialOptions> = {}): Promise<SpatialReading> {
  return attackSpatially({
    target: network,
    inputs: INPUTS,
    labels: await ownLabels(network, INPUTS),
    ids: IDS,
    threat,
    search: { kind: 'grid', turns: 7, shifts: 3 },
    seed: 1,
    ...given,
  });
}

async function classesOf(inputs: Float32Array): Promise<number[]> {
  const count = inputs.length / FEATURES;
  const scores = await network.scores({
    inputs,
    count,
    rows: Int32Array.from({ length: count }, (_, i) => i),
  });
  return Array.from({ length: count }, (_, i) => predictedClass(scores, CLASSES, i));
}

test('the grid finds exactly what trying every motion finds, and the nearest of it', async () => {
  const found = await attack();
  const labels = await ownLabels(network, INPUTS);
  for (let i = 0; i < COUNT; i++) {
    const distances: number[] = [];
    for (const degrees of [-6, -4, -2, 0, 2, 4, 6])
      for (const right of [-0.5, 0, 0.5])
        for (const down of [-0.5, 0, 0.5]) {
          const moved = warp({ values: image(INPUTS, i), shape }, { degrees, right, down }, 0);
          if ((await classesOf(moved))[0] !== labels[i])
            distances.push(distanceOf([degrees, right, down], threat));
        }
    expect(found.success[i]).toBe(Number(distances.length > 0));
    expect(found.distance[i]).toBeCloseTo(Math.min(Infinity, ...distances), 6);
  }
  expect(found.success.includes(1)).toBe(true);
  expect(found.success.includes(0)).toBe(true);
});

test.each([
  ['grid', { kind: 'grid', turns: 5, shifts: 3 }],
  ['random', { kind: 'random', draws: 12 }],
] as const)(
  '%s: what it reports is what the motion makes, inside the limits, and misread',
  async (_, search) => {
    const found = await attack({ search });
    const labels = await ownLabels(network, INPUTS);
    const classes = await classesOf(found.adversarial);
    found.motions.forEach(([degrees, right, down], i) => {
      expect(Math.abs(degrees)).toBeLessThanOrEqual(threat.degrees);
      expect(Math.max(Math.abs(right), Math.abs(down))).toBeLessThanOrEqual(threat.pixels);
      expect(image(found.adversarial, i)).toEqual(
        warp({ values: image(INPUTS, i), shape }, { degrees, right, down }, 0),
      );
      expect(classes[i] !== labels[i]).toBe(found.success[i] === 1);
    });
  },
);

test('an image that is misread as it is costs one query and lies at distance 0', async () => {
  const labels = (await ownLabels(network, INPUTS)).map((label) => (label + 1) % CLASSES);
  const found = await attack({ labels });
  expect(Array.from(found.forwardQueries)).toEqual(IDS.map(() => 1));
  expect(Array.from(found.distance)).toEqual(IDS.map(() => 0));
});

test.each([{ kind: 'random', draws: 9 } as const, STANDARD_GRID])(
  'a result does not depend on who else is in the batch (%j)',
  async (search) => {
    const labels = await ownLabels(network, INPUTS);
    const all = await attack({ search, labels });
    for (const i of [0, 5]) {
      const one = await attack({
        search,
        inputs: image(INPUTS, i).slice(),
        labels: labels.slice(i, i + 1),
        ids: [IDS[i]!],
      });
      expect(one.adversarial).toEqual(image(all.adversarial, i));
      expect(one.forwardQueries[0]).toBe(all.forwardQueries[i]);
    }
  },
);

test('a target means the target', async () => {
  const found = await attack({
    threat: { degrees: 60, pixels: 3, range: [0, 1], criterion: { kind: 'targeted', target: 1 } },
    search: { kind: 'random', draws: 60 },
  });
  const labels = await ownLabels(network, INPUTS);
  const classes = await classesOf(found.adversarial);
  expect(found.success.includes(1)).toBe(true);
  found.success.forEach((success, i) => {
    if (success === 1) expect([classes[i], labels[i] === 1]).toEqual([1, false]);
  });
});

test('limits of 0 leave the image alone, an empty batch is empty, and what is no image is refused', async () => {
  const still = await attack({ threat: { degrees: 0, pixels: 0, range: [0, 1] } });
  expect(still.success.includes(1)).toBe(false);
  expect(Array.from(still.forwardQueries)).toEqual(IDS.map(() => 1));
  const none = await attack({ inputs: new Float32Array(), labels: new Int32Array(), ids: [] });
  expect(none.motions).toEqual([]);
  const flat = networkTarget(randomWeights({ features: FEATURES, hidden: 4, classes: 2 }, 1), [FEATURES]);
  await expect(attack({ target: flat })).rejects.toThrow('needs images');
});
