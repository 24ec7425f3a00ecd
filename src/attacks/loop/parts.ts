import type { Batch, LossGradient, ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import type { LoopState } from './state.ts';

/** Asks the target for scores, losses and gradients at points. */
export type Evaluate = (batch: Batch) => Promise<LossGradient>;

/** Writes where a restart begins into `state.x`; the loop projects afterwards. A start that asks the target may settle rows. */
export type Start = (state: LoopState) => void | Promise<void>;

/** The loss of one restart (targeted attacks change their target from restart to restart). */
export type LossOfRestart = (session: AttackSession, restart: number) => ScoreLoss;

/** What happens to gradients between the target and the step: any of the two hooks. */
export interface Processing {
  /**
   * Asks at other points, or several times: expectation over transformations, input diversity, look-ahead. The batch
   * has one row per row of the space.
   */
  readonly evaluate?: (next: Evaluate) => Evaluate;
  /** Changes `state.direction`, which holds the gradient: momentum, kernels. */
  readonly direct?: () => void;
}

/** Moves the iterates along `state.direction`, which it may destroy. */
export type Step = (iteration: number) => void;

export interface Schedule {
  /** Step size of each row, in units of the input. */
  readonly sizes: Float64Array;
  /** How many features a sparse step moves, by row; absent: what the step itself says. */
  readonly moved?: Float64Array;
  /** Sees each evaluated iterate: `iteration` steps were made, 0 is the start. It may move rows back to an earlier point. */
  readonly observe: (iteration: number) => void;
  /** The best points so far, shape [count, features]: where the next phase begins. A schedule that has them also sees the last iterate. */
  readonly best?: Float32Array;
}

/** A part of a restart in a ball of its own, wider than the one that counts. */
export interface Phase {
  /** Radius as a multiple of ε. */
  readonly radius: number;
  readonly steps: number;
}

/** An attack that follows gradients, put together. Each part is created anew for each restart. */
export interface GradientAttack {
  readonly steps: number;
  readonly restarts: number;
  /** Each begins at the best points of the one before, and needs a schedule that has them. Absent: all steps in the ball of ε. */
  readonly phases?: readonly Phase[];
  readonly start: Start;
  readonly loss: LossOfRestart;
  /** The first is the outermost: it asks through the next ones, and changes the direction first. */
  readonly processing: readonly ((state: LoopState, steps: number) => Processing)[];
  readonly step: (state: LoopState, schedule: Schedule) => Step;
  readonly schedule: (state: LoopState, steps: number) => Schedule;
}
