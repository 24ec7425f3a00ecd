import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import { createRng, type Rng } from '../../src/domain/rng.ts';

/**
 * Scale of the calibration: 1 is what the claims are made for (500 streams); CI may run less by
 * TEMPER_CALIBRATION_SCALE=0.2, a longer proof more.
 */
export const SCALE = Number(process.env['TEMPER_CALIBRATION_SCALE'] ?? '1');
export const STREAMS = Math.max(50, Math.round(500 * SCALE));

/**
 * Losses as a hardened digits model leaves them: three quarters withstand within epsilon (0), one in fifty is misread
 * without an attack (1), the others break somewhere below epsilon. Streams draw from this pool with replacement, so its
 * mean is their risk exactly.
 */
export const POOL: readonly number[] = makePool();
export const POOL_MEAN = POOL.reduce((sum, loss) => sum + loss, 0) / POOL.length;

function makePool(): number[] {
  const rng = createRng('calibration-pool');
  return Array.from({ length: 2000 }, () => {
    const u = rng.uniform();
    if (u < 0.75) return 0;
    return u < 0.77 ? 1 : rng.uniform() ** 1.5;
  });
}

export const drawLoss = (rng: Rng): number => POOL[rng.below(POOL.length)]!;

/** n losses with correlation `lag` between neighbours and the mean of the pool: each repeats the last with that chance. */
export function correlatedLosses(n: number, lag: number, rng: Rng): number[] {
  let last = drawLoss(rng);
  return Array.from({ length: n }, () => {
    if (rng.uniform() >= lag) last = drawLoss(rng);
    return last;
  });
}

/** Largest count of n that is compatible with a rate of at most p: exceeded with probability 1 % or less. */
export function largestCompatible(n: number, p: number): number {
  let count = Math.floor(n * p);
  while (binomialCdf(count, n, p) < 0.99) count++;
  return count;
}

/** Measured rates, printed after the tests: they are what docs/statistics.md quotes. */
export function createTable(title: string): { row(name: string, value: string): void } {
  const rows: string[] = [];
  afterAll(() => {
    process.stdout.write(`\n${title}\n${rows.join('\n')}\n`);
  });
  return { row: (name, value) => rows.push(`  ${name.padEnd(64)} ${value}`) };
}

export const percent = (count: number, n: number): string =>
  `${((100 * count) / n).toFixed(1)} % (${count} of ${n})`;
