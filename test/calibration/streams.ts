import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import type { Rng } from '../../src/domain/rng.ts';

/**
 * Scale of the calibration: 1 is what the claims are made for (500 streams); CI may run less by
 * TEMPER_CALIBRATION_SCALE=0.2, a longer proof more.
 */
export const SCALE = Number(process.env['TEMPER_CALIBRATION_SCALE'] ?? '1');
export const STREAMS = Math.max(50, Math.round(500 * SCALE));

/** Event id, event time in seconds since the first, and loss. */
export type StoredOutcome = readonly [eventId: string, seconds: number, loss: number];

/**
 * Stored outcomes: what the sidecar folded in a full run of the demo (seed 0, WebAssembly) under its sentinel, per
 * version of the model and in that order, exported by scripts/proofs/export-outcomes.mjs. Version 2 is hardened,
 * version 3 a careless fine-tune of it, version 4 the one that was retrained.
 */
export const OUTCOMES = JSON.parse(readFileSync(join(__dirname, 'outcomes.json'), 'utf8')) as Readonly<
  Record<'2' | '3' | '4', readonly StoredOutcome[]>
>;

const lossesOf = (version: keyof typeof OUTCOMES): readonly number[] =>
  OUTCOMES[version].map(([, , loss]) => loss);
export const meanOf = (losses: readonly number[]): number =>
  losses.reduce((sum, loss) => sum + loss, 0) / losses.length;

/** Losses of the hardened model. Streams draw from this pool with replacement, so its mean is their risk exactly. */
export const POOL = lossesOf('2');
export const POOL_MEAN = meanOf(POOL);

/** Losses after the careless update. */
export const DEGRADED_POOL = lossesOf('3');

/** Losses of the model that was retrained after it. */
export const RETRAINED_POOL = lossesOf('4');

export const drawLoss = (rng: Rng, pool: readonly number[] = POOL): number => pool[rng.below(pool.length)]!;

/** n losses in stretches as they were folded one after another, so that whatever dependence they have is kept. */
export function stretchedLosses(n: number, length: number, rng: Rng): number[] {
  const stretches = Array.from({ length: Math.ceil(n / length) }, () => {
    const from = rng.below(POOL.length);
    return Array.from({ length }, (_, i) => POOL[(from + i) % POOL.length]!);
  });
  return stretches.flat().slice(0, n);
}

/** Correlation between neighbours. */
export function lagCorrelation(losses: readonly number[]): number {
  const mean = meanOf(losses);
  const squares = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0);
  const products = losses.reduce(
    (sum, loss, i) => (i === 0 ? 0 : sum + (loss - mean) * (losses[i - 1]! - mean)),
    0,
  );
  return products / squares;
}

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

/** Smallest count of n that is compatible with a chance of at least p: fewer happen with probability 1 % or less. */
export function smallestCompatible(n: number, p: number): number {
  return n - largestCompatible(n, 1 - p);
}
