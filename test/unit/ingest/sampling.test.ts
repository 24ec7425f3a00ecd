import fc from 'fast-check';

import { createSampler } from '../../../src/ingest/sampling.ts';

const KEY = 'a secret';

test('takes the configured share of ids, however the ids are made', () => {
  const n = 20_000;
  for (const idOf of [
    (i: number) => String(i),
    (i: number) => `req-${i.toString(16)}`,
    (i: number) => `${i * 1000}`,
  ]) {
    const sampler = createSampler({ rate: 0.1, key: KEY });
    let taken = 0;
    for (let i = 0; i < n; i++) if (sampler.includes(idOf(i))) taken++;
    // Five standard deviations of a binomial share.
    expect(Math.abs(taken / n - 0.1)).toBeLessThan(5 * Math.sqrt((0.1 * 0.9) / n));
  }
});

test('fractions are uniform: a chi-square over 20 rates stays below its 1e-6 quantile', () => {
  const n = 20_000;
  const samplers = Array.from({ length: 20 }, (_, i) => createSampler({ rate: (i + 1) / 20, key: KEY }));
  const counts = new Array<number>(20).fill(0);
  for (let i = 0; i < n; i++) {
    const bin = samplers.findIndex((sampler) => sampler.includes(`id-${i}`));
    counts[bin]!++;
  }
  const expected = n / 20;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(66.5);
});

test('the same id gets the same answer, and a higher rate includes what a lower one does', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (id, a, b) => {
        const low = createSampler({ rate: Math.min(a, b), key: KEY });
        const high = createSampler({ rate: Math.max(a, b), key: KEY });
        expect(low.includes(id)).toBe(createSampler({ rate: Math.min(a, b), key: KEY }).includes(id));
        expect(!low.includes(id) || high.includes(id)).toBe(true);
      },
    ),
  );
});

test('another key chooses others', () => {
  const [a, b] = [KEY, 'another secret'].map((key) => createSampler({ rate: 0.5, key }));
  const differing = Array.from({ length: 1000 }, (_, i) => `${i}`).filter(
    (id) => a!.includes(id) !== b!.includes(id),
  );
  expect(differing.length).toBeGreaterThan(400);
});

test('rates 0 and 1 take none and all', () => {
  expect(createSampler({ rate: 0, key: KEY }).includes('a')).toBe(false);
  expect(createSampler({ rate: 1, key: KEY }).includes('a')).toBe(true);
});

test.each([-0.1, 1.1, Number.NaN])('refuses the rate %p', (rate) => {
  expect(() => createSampler({ rate, key: KEY })).toThrow(/expected a number in \[0, 1\]/);
});

test('refuses an empty key', () => {
  expect(() => createSampler({ rate: 0.5, key: '' })).toThrow(/expected a secret/);
});
