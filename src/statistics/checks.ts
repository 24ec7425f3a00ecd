import { AppError } from '../domain/errors.ts';

/** Requires a number strictly between 0 and 1: a level, a confidence, a rate that is tested. */
export function assertOpenUnit(value: number, name: string): number {
  if (value > 0 && value < 1) return value;
  throw new AppError('TEMPER_STATS_RANGE', `expected ${name} in (0, 1), got ${value}`);
}

/** Requires a number in [0, 1]: a loss, a share. NaN is refused. */
export function assertUnit(value: number, name: string): number {
  if (value >= 0 && value <= 1) return value;
  throw new AppError('TEMPER_STATS_RANGE', `expected ${name} in [0, 1], got ${value}`);
}

/** Requires a finite number above 0: a duration, a budget, a weight. */
export function assertPositive(value: number, name: string): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw new AppError('TEMPER_STATS_RANGE', `expected ${name} to be finite and above 0, got ${value}`);
}
