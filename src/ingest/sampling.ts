import { AppError } from '../domain/errors.ts';
import { keyedFraction } from '../domain/hashing.ts';

/** Chooses events by their id: always the same ones, whoever asks, in whatever order. */
export interface Sampler {
  includes(id: string): boolean;
}

export interface SamplingOptions {
  /** Share of events to take, in [0, 1]. */
  readonly rate: number;
  /** Secret that makes the choice unpredictable. */
  readonly key: string;
}

/**
 * Includes an id when keyedFraction(key, id) < rate. So a higher rate includes what a lower one did, and nobody without
 * the key can choose ids that are never sampled.
 *
 * @throws {AppError} TEMPER_CONFIG_INVALID when the rate is not in [0, 1] or the key is empty
 */
export function createSampler({ rate, key }: SamplingOptions): Sampler {
  if (!(rate >= 0 && rate <= 1))
    throw new AppError('TEMPER_CONFIG_INVALID', `sampling rate: expected a number in [0, 1], got ${rate}`);
  if (key === '')
    throw new AppError('TEMPER_CONFIG_INVALID', 'sampling key: expected a secret, got an empty text');
  if (rate === 1) return { includes: () => true };
  if (rate === 0) return { includes: () => false };
  return { includes: (id) => keyedFraction(key, id) < rate };
}
