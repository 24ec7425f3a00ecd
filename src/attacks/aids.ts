import { AppError } from '../domain/errors.ts';
import type { AttackAids, AttackSession } from './attack.ts';

/** @throws {AppError} TEMPER_ATTACK_ACCESS where attacks run on a bare target */
export function aidsOf({ aids }: AttackSession, attack: string): AttackAids {
  if (aids !== undefined) return aids;
  throw new AppError(
    'TEMPER_ATTACK_ACCESS',
    `attack ${attack} needs other models, files or data, and runs only in an evaluation (temper evaluate)`,
  );
}
