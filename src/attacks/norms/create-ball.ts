import type { Norm } from '../../domain/threat-model.ts';
import type { Ball, BallOptions } from './ball.ts';
import { createL0Ball } from './l0.ts';
import { createL1Ball } from './l1.ts';
import { createL2Ball } from './l2.ts';
import { createLinfBall } from './linf.ts';

const BALLS: Readonly<Record<Norm, (options: BallOptions) => Ball>> = {
  linf: createLinfBall,
  l2: createL2Ball,
  l1: createL1Ball,
  l0: createL0Ball,
};

export function createBall(norm: Norm, options: BallOptions): Ball {
  return BALLS[norm](options);
}
