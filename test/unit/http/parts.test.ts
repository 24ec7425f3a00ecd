import { PNG } from 'pngjs';

import { createCached } from '../../../src/http/cached.ts';
import { httpConfigSchema } from '../../../src/http/config.ts';
import { pictureExample } from '../../../src/http/picture.ts';
import type {
  AdversarialExample,
  AlarmReport,
  MonitorReport,
  SentinelReport,
} from '../../../src/http/status-port.ts';
import type { Alarm } from '../../../src/monitoring/alarm.ts';
import type { MonitorStatus, RecipeStatus } from '../../../src/monitoring/status.ts';

const example: AdversarialExample = {
  sampleId: 'a#0',
  recipe: 'pgd-20',
  version: '3',
  eventTimeMs: 5,
  predictionBefore: 1,
  predictionAfter: 2,
  distance: 0.25,
  shape: [2, 2, 1],
  range: [0, 1],
  original: Float32Array.of(0, 1, 0.5, 0),
  adversarial: Float32Array.of(0.25, 1, 0.25, 0),
};

function pixels(uri: string | undefined): number[] {
  const png = PNG.sync.read(Buffer.from((uri ?? '').replace('data:image/png;base64,', ''), 'base64'));
  return [...png.data];
}

const grey = (...shades: number[]): number[] => shades.flatMap((shade) => [shade, shade, shade, 255]);

describe('pictures', () => {
  test('show input, change at full contrast around mid-grey, and adversarial', () => {
    const { pictures } = pictureExample(example);
    expect(pixels(pictures?.original)).toEqual(grey(0, 255, 128, 0));
    expect(pixels(pictures?.change)).toEqual(grey(255, 128, 0, 128));
    expect(pixels(pictures?.adversarial)).toEqual(grey(64, 255, 64, 0));
  });

  test('follow the range, and clip what lies outside', () => {
    const { pictures } = pictureExample({
      ...example,
      range: [-1, 1],
      adversarial: Float32Array.of(-2, 2, 0, 1),
    });
    expect(pixels(pictures?.original)).toEqual(grey(128, 255, 191, 128));
    expect(pixels(pictures?.adversarial)).toEqual(grey(0, 255, 128, 255));
  });

  test('may have colours, or no third dimension, and no change at all', () => {
    const colour = pictureExample({
      ...example,
      shape: [1, 1, 3],
      original: Float32Array.of(1, 0, 0.2),
      adversarial: Float32Array.of(1, 0, 0.2),
    });
    expect(pixels(colour.pictures?.original)).toEqual([255, 0, 51, 255]);
    expect(pixels(colour.pictures?.change)).toEqual(grey(128));
    expect(pictureExample({ ...example, shape: [2, 2] }).pictures).toBeDefined();
  });

  test.each([[[4]], [[2, 2, 2]], [[1, 2, 2, 1]], [[3, 3]]])('there are none for the shape %j', (shape) => {
    const pictured = pictureExample({ ...example, shape });
    expect(pictured).not.toHaveProperty('pictures');
    expect(pictured).not.toHaveProperty('original');
  });
});

describe('a cached answer', () => {
  test('is made once per time to live, and once for those who ask together', async () => {
    const clock = { now: 0, nowMs: () => clock.now };
    let made = 0;
    const ask = createCached(() => Promise.resolve(++made), { ttlMs: 10, clock });
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
    clock.now = 9;
    expect(await ask()).toBe(1);
    clock.now = 10;
    expect(await ask()).toBe(2);
  });

  test('a failure is given to those who waited and then forgotten', async () => {
    let made = 0;
    const ask = createCached(() => (++made === 1 ? Promise.reject(new Error('no')) : Promise.resolve(made)), {
      ttlMs: 10,
      clock: { nowMs: () => 0 },
    });
    const answers = await Promise.allSettled([ask(), ask()]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await ask()).toBe(2);
  });
});

test('settings: this machine only, no token, examples shown, unless said otherwise', () => {
  expect(httpConfigSchema.parse({})).toEqual({ host: '127.0.0.1', port: 9464, examples: true });
  expect(httpConfigSchema.safeParse({ token: 'inline' }).success).toBe(false);
  expect(httpConfigSchema.safeParse({ port: 70_000 }).success).toBe(false);
});

/** Checked by the compiler: what the judge says can be shown as it is. */
export const sentinelFits = (status: RecipeStatus): SentinelReport => status;
export const monitorFits = (status: MonitorStatus): MonitorReport => status;
export const alarmFits = (alarm: Alarm): AlarmReport => alarm;
