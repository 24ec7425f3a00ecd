import { AppError } from '../../domain/errors.ts';
import type { AttackSession } from '../attack.ts';
import { imageShape, type ImageShape } from '../square/windows.ts';

/** @throws {AppError} TEMPER_ATTACK_SHAPE when examples have no height and width */
export function imageOf({ target: { inputShape } }: AttackSession, attack: string): ImageShape {
  if (inputShape.length === 2 || inputShape.length === 3) return imageShape(inputShape);
  throw new AppError(
    'TEMPER_ATTACK_SHAPE',
    `attack ${attack} needs images (height × width, or height × width × channels), the model takes ${inputShape.join('×')}`,
  );
}
