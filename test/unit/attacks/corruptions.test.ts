import fc from 'fast-check';
import { CORRUPTIONS, SEVERITIES } from '../../../src/attacks/corruptions/catalogue.ts';
import { corrupt, corruptionsFor } from '../../../src/attacks/corruptions/corrupt.ts';
import { throughJpeg } from '../../../src/attacks/images/coarse.ts';
import { warp } from '../../../src/attacks/images/warp.ts';
import { createRng } from '../../../src/domain/rng.ts';

const SHAPE = [28, 28, 3];
const FEATURES = 28 * 28 * 3;
const IDS = ['a', 'b', 'c'];
/** A long blob, off the middle and slanted differently in each image: it changes whichever way it is moved. */
const INPUTS = Float32Array.from({ length: IDS.length * FEATURES }, (_, i) => {
  const pixel = Math.floor((i % FEATURES) / 3);
  const angle = Math.floor(i / FEATURES);
  const [y, x] = [Math.floor(pixel / 28) - 12, (pixel % 28) - 15];
  const along = (x * Math.cos(angle) + y * Math.sin(angle)) / 9;
  const across = (y * Math.cos(angle) - x * Math.sin(angle)) / 1.5;
  return 0.05 + (0.4 + 0.15 * (i % 3)) * Math.exp(-(along ** 2) - across ** 2);
});
const common = { inputs: INPUTS, ids: IDS, inputShape: SHAPE, range: [0, 1] as const, seed: 5 };

function change(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x, i) => sum + (x - INPUTS[i]!) ** 2, 0) / values.length);
}

describe.each(CORRUPTIONS.map((corruption) => [corruption.name, corruption] as const))(
  '%s',
  (_, corruption) => {
    test('stays inside the range, and grows with severity', () => {
      const changes = SEVERITIES.map((severity) => {
        const values = corrupt(corruption, { ...common, severity });
        expect(values.every((x) => x >= 0 && x <= 1)).toBe(true);
        return change(values);
      });
      // Saturation goes down first and up later; the others get worse step by step.
      if (corruption.name !== 'saturate') expect(changes).toEqual([...changes].sort((a, b) => a - b));
      expect(Math.min(...changes)).toBeGreaterThan(0.002);
    });

    test('depends on seed and id, not on who else is there or in which order', () => {
      const whole = corrupt(corruption, { ...common, severity: 3 });
      const alone = corrupt(corruption, {
        ...common,
        inputs: INPUTS.slice(2 * FEATURES, 3 * FEATURES),
        ids: ['c'],
        severity: 3,
      });
      expect(alone).toEqual(whole.slice(2 * FEATURES, 3 * FEATURES));
      expect(corrupt(corruption, { ...common, severity: 3 })).toEqual(whole);
    });

    test('does the same in another range', () => {
      const unit = corrupt(corruption, { ...common, severity: 2 });
      const range = [-1, 3] as const;
      const wide = corrupt(corruption, {
        ...common,
        inputs: INPUTS.map((x) => 4 * x - 1),
        range,
        severity: 2,
      });
      const apart = wide.map((x, i) => Math.abs((x + 1) / 4 - unit[i]!));
      // JPEG rounds to bytes, which may fall to the other side.
      const tolerance = corruption.name === 'jpeg' ? 0.05 : 1e-5;
      expect(apart.reduce((a, b) => Math.max(a, b), 0)).toBeLessThan(tolerance);
      expect(wide.every((x) => x >= -1 && x <= 3)).toBe(true);
    });
  },
);

test('a seed of its own draws anew', () => {
  const noise = CORRUPTIONS[0]!;
  expect(corrupt(noise, { ...common, severity: 1 })).not.toEqual(
    corrupt(noise, { ...common, severity: 1, seed: 6 }),
  );
});

const grey = { height: 40, width: 50, channels: 1 };
const flat = new Float32Array(2000).fill(0.5);

test.each([
  ['gaussian-noise', (c: number) => c],
  ['shot-noise', (c: number) => Math.sqrt(0.5 / c)],
  ['impulse-noise', (c: number) => Math.sqrt(c) / 2],
] as const)('%s has the mean and spread that its constant says', (name, spread) => {
  const corruption = CORRUPTIONS.find((each) => each.name === name)!;
  for (const severity of [1, 4] as const) {
    const values = corruption.apply({ values: flat, shape: grey }, severity, createRng(name));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    const expected = spread(corruption.constants[severity - 1] as number);
    expect(Math.abs(mean - 0.5)).toBeLessThan((5 * expected) / Math.sqrt(values.length));
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(0.15);
  }
});

test('JPEG of high quality is nearly the image, of low quality less so, and grey stays one channel', () => {
  const shape = { height: 16, width: 16, channels: 1 };
  const values = Float32Array.from({ length: 256 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 20));
  const error = (quality: number): number =>
    throughJpeg({ values, shape }, quality).reduce(
      (most, x, i) => Math.max(most, Math.abs(x - values[i]!)),
      0,
    );
  expect(error(100)).toBeLessThan(0.02);
  expect(error(5)).toBeGreaterThan(2 * error(100));
});

test('a warp that moves nothing changes nothing, whole shifts move pixels, and four quarter turns come round', () => {
  const shape = { height: 5, width: 5, channels: 2 };
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 50, maxLength: 50 }),
      (list) => {
        const values = Float32Array.from(list, (x) => x + 0);
        expect(warp({ values, shape }, {}, 0)).toEqual(values);
        const shifted = warp({ values, shape }, { right: 1, down: 2 }, 0.25);
        expect(shifted[(3 * 5 + 1) * 2]).toBe(values[(1 * 5 + 0) * 2]);
        expect(shifted[0]).toBe(0.25);
        let turned: Float32Array = values;
        for (let i = 0; i < 4; i++) turned = warp({ values: turned, shape }, { degrees: 90 }, 0);
        turned.forEach((x, i) => expect(x).toBeCloseTo(values[i]!, 5));
      },
    ),
    { numRuns: 20 },
  );
});

test('what is no image is not corrupted, and colours need three channels', () => {
  expect(corruptionsFor([8])).toEqual([]);
  expect(corruptionsFor([28, 28, 1]).map(({ name }) => name)).not.toContain('saturate');
  expect(corruptionsFor([32, 32, 3])).toHaveLength(CORRUPTIONS.length);
  const saturate = CORRUPTIONS.find(({ name }) => name === 'saturate')!;
  expect(() => corrupt(saturate, { ...common, inputShape: [84, 28, 1], severity: 1 })).toThrow(
    'three channels',
  );
});
