import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBall } from '../../../src/attacks/norms/create-ball.ts';

interface Projection {
  readonly epsilon: number;
  readonly original: number[];
  readonly point: number[];
  readonly projected: number[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'norms.json'), 'utf8')) as Record<
  'l1' | 'l0',
  Projection[]
>;

test.each(['l1', 'l0'] as const)('%s: projections onto ball and range are the nearest points', (norm) => {
  expect(golden[norm].length).toBeGreaterThan(4);
  for (const { epsilon, original, point, projected } of golden[norm]) {
    const values = Float32Array.from(point);
    createBall(norm, {
      originals: Float32Array.from(original),
      features: original.length,
      epsilon,
      range: [0, 1],
    }).project({ values, rows: Int32Array.of(0), count: 1 });
    values.forEach((x, j) => expect(Math.abs(x - projected[j]!)).toBeLessThan(3e-7));
  }
});
