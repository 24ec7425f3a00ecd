import { presetRecipe } from '../../../src/attacks/presets.ts';
import { drawWindow, imageShape, windowShare, windowSide } from '../../../src/attacks/square/windows.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { Batch, ScoreTarget } from '../../../src/domain/target.ts';
import { attackBatch, type AttackedBatch } from '../../../src/evaluation/attack-batch.ts';

const EPSILON = 0.25;

/** Never fooled; its margin is what `marginOf` says. Keeps every image it was shown. */
function stubborn(
  inputShape: readonly number[],
  marginOf: (image: Float32Array) => number,
): ScoreTarget & { seen: Float32Array[] } {
  const features = inputShape.reduce((a, b) => a * b, 1);
  const seen: Float32Array[] = [];
  return {
    inputShape,
    classes: 2,
    seen,
    scores: ({ inputs, count }: Batch) => {
      const scores = new Float32Array(2 * count);
      for (let i = 0; i < count; i++) {
        const image = inputs.slice(i * features, (i + 1) * features);
        seen.push(image);
        scores[2 * i] = marginOf(image);
      }
      return Promise.resolve(scores);
    },
  };
}

async function run(target: ScoreTarget, recipe = 'square-60'): Promise<AttackedBatch> {
  const features = target.inputShape.reduce((a, b) => a * b, 1);
  return attackBatch({
    recipe: presetRecipe(recipe),
    target,
    inputs: new Float32Array(features).fill(0.5),
    labels: Int32Array.of(0),
    ids: ['one'],
    threat: { norm: 'linf', epsilon: EPSILON, range: [0, 1], access: 'scores' },
    seed: 1,
  });
}

/** Rows and columns of [h, w, c] in which two images differ, over all channels. */
function changed(a: Float32Array, b: Float32Array, [, width = 1, channels = 1]: readonly number[]) {
  const rows = new Set<number>();
  const columns = new Set<number>();
  a.forEach((value, i) => {
    if (value === b[i]) return;
    rows.add(Math.floor(i / (width * channels)));
    columns.add(Math.floor(i / channels) % width);
  });
  return { rows, columns };
}
const span = (lines: Set<number>): number =>
  lines.size === 0 ? 0 : Math.max(...lines) - Math.min(...lines) + 1;

test('starts with vertical stripes, per channel, at the bounds', async () => {
  const shape = [6, 8, 3];
  const target = stubborn(shape, () => 1);
  await run(target, 'square-1');
  const stripes = target.seen[1]!;
  for (const value of stripes) expect([0.25, 0.75]).toContain(value);
  for (let column = 0; column < 24; column++)
    for (let row = 1; row < 6; row++) expect(stripes[row * 24 + column]).toBe(stripes[column]);
  expect(new Set(stripes).size).toBe(2);
});

test.each([[[8, 8, 1]], [[7, 5, 1]], [[5, 9, 3]], [[6, 6]], [[1, 12, 1]], [[20]]])(
  'windows of the right side in an image of %p, each value at a bound, one sign per channel',
  async (shape) => {
    const image = imageShape(shape);
    // A margin that never falls: each proposal is a change of the same start.
    const target = stubborn(shape, (pixels) => (pixels.every((x) => x === 0.5) ? 9 : 1));
    const found = await run(target);
    expect(found.success[0]).toBe(0);
    const [, start, ...proposals] = target.seen;
    expect(proposals.length).toBeGreaterThan(10);
    expect(found.forwardQueries[0]).toBe(2 + proposals.length);
    for (const proposal of proposals) {
      for (const value of proposal) expect([0.25, 0.75]).toContain(value);
      const { rows, columns } = changed(start!, proposal, [image.height, image.width, image.channels]);
      const largest = windowSide(0.8, image);
      expect(rows.size).toBeGreaterThan(0);
      expect(span(rows)).toBeLessThanOrEqual(Math.min(largest, image.height));
      expect(span(columns)).toBeLessThanOrEqual(Math.min(largest, image.width));
    }
  },
);

test('windows reach every row and column, the last ones too', () => {
  const image = { height: 5, width: 7, channels: 1 };
  const rng = createRng('windows');
  const tops = new Set<number>();
  const lefts = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const { top, left, height, width } = drawWindow(3, image, rng);
    expect([height, width]).toEqual([3, 3]);
    tops.add(top);
    lefts.add(left);
  }
  expect([...tops].sort()).toEqual([0, 1, 2]);
  expect([...lefts].sort()).toEqual([0, 1, 2, 3, 4]);
  expect(drawWindow(9, image, rng)).toEqual({ top: 0, left: 0, height: 5, width: 7 });
});

test('keeps what lowers the margin, forgets the rest', async () => {
  const target = stubborn([8, 8, 1], (pixels) => 1 + pixels.reduce((a, b) => a + b));
  await run(target, 'square-400');
  const margins = target.seen.slice(1).map((pixels) => pixels.reduce((a, b) => a + b));
  let best = target.seen[1]!;
  margins.forEach((margin, i) => {
    if (i === 0) return;
    const { rows, columns } = changed(best, target.seen[i + 1]!, [8, 8, 1]);
    // Always one window away from the best so far.
    expect(span(rows)).toBeLessThanOrEqual(7);
    expect(span(columns)).toBeLessThanOrEqual(7);
    if (margin < best.reduce((a, b) => a + b)) best = target.seen[i + 1]!;
  });
  // The optimum is every pixel at its lower bound.
  expect(Math.min(...margins)).toBe(16);
});

test('a proposal that changes nothing is not asked', async () => {
  const target = stubborn([8, 8, 1], (pixels) => 1 + pixels.reduce((a, b) => a + b));
  const found = await run(target, 'square-400');
  expect(found.forwardQueries[0]).toBeLessThan(402 - 50);
  const sumOf = (pixels: Float32Array): number => pixels.reduce((a, b) => a + b);
  let best = target.seen[1]!;
  for (const proposal of target.seen.slice(2)) {
    expect(proposal).not.toEqual(best);
    if (sumOf(proposal) < sumOf(best)) best = proposal;
  }
});

test('the stretched schedule ends where the long one ends', () => {
  expect(windowShare(0, 0.8, 100)).toBe(0.8);
  expect(windowShare(99, 0.8, 100)).toBe(windowShare(9900, 0.8));
});
