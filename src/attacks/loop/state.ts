import { AppError } from '../../domain/errors.ts';
import { hasGradient, type Batch, type GradientTarget } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { createRowSpace, type RowSpace } from '../row-space.ts';

/** What the parts of the gradient loop share during one restart. Arrays follow the rows of `space`. */
export interface LoopState {
  readonly session: AttackSession;
  readonly space: RowSpace;
  /** Which restart this is, from 0: part of the identity of every draw. */
  readonly restart: number;
  /** Iterates, shape [count, features]. */
  readonly x: Float32Array;
  /** ∂ loss / ∂ x at the iterates. Values that are not finite are 0. */
  readonly gradient: Float32Array;
  /** Loss at the iterates, shape [count]; larger is better for the adversary. NaN becomes −Infinity. */
  readonly losses: Float32Array;
  /** What the step follows: the gradient after processing. */
  readonly direction: Float32Array;
}

export function createLoopState(session: AttackSession, examples: Int32Array, restart: number): LoopState {
  const space = createRowSpace(examples);
  return {
    session,
    space,
    restart,
    x: space.floats(session.features),
    gradient: space.floats(session.features),
    losses: space.floats(1),
    direction: space.floats(session.features),
  };
}

/** The iterates (or other points with one row per row of the space) as a question to the target. */
export function batchOf({ space, session }: LoopState, points: Float32Array): Batch {
  const { count, rows } = space;
  return { inputs: points.subarray(0, count * session.features), count, rows: rows.subarray(0, count) };
}

/** Moves points with one row per row of the space into the ball. */
export function projectRows({ space, session }: LoopState, values: Float32Array): void {
  session.ball.project({ values, rows: space.rows, count: space.count });
}

/** @throws {AppError} TEMPER_ATTACK_ACCESS */
export function gradientTarget({ target }: AttackSession): GradientTarget {
  if (hasGradient(target)) return target;
  throw new AppError('TEMPER_ATTACK_ACCESS', 'expected a target with gradients, got one with scores only');
}
