import { AppError } from '../../domain/errors.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { Ball, BallOptions } from './ball.ts';
import { createL2Ball } from './l2.ts';
import { createLinfBall } from './linf.ts';

const BALLS: Readonly<Partial<Record<Norm, (options: BallOptions) => Ball>>> = {
  linf: createLinfBall,
  l2: createL2Ball,
};

/** @throws {AppError} TEMPER_ATTACK_PARAMETER when no attack can project onto balls of this norm yet */
export function createBall(norm: Norm, options: BallOptions): Ball {
  const create = BALLS[norm];
  if (create !== undefined) return create(options);
  throw new AppError(
    'TEMPER_ATTACK_PARAMETER',
    `expected a norm that can be projected onto (${Object.keys(BALLS).join(', ')}), got ${norm}`,
  );
}
