import type { Batch, LossGradient, ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import type { LoopState } from './state.ts';

/** Asks the target for scores, losses and gradients at points. */
export type Evaluate = (batch: Batch) => Promise<LossGradient>;

/** Writes where a restart begins into `state.x`; the loop projects afterwards. */
export type Start = (state: LoopState) => void;

/** The loss of one restart (targeted attacks change their target from restart to restart). */
export type LossOfRestart = (session: AttackSession, restart: number) => ScoreLoss;

/** What happens to gradients between the target and the step: any of the two hooks. */
export interface Processing {
  /** Asks at other points, or several times: expectation over transformations, input diversity, look-ahead. */
  readonly evaluate?: (next: Evaluate) => Evaluate;
  /** Changes `state.direction`, which holds the gradient: momentum, kernels. */
  readonly direct?: () => void;
}

/** Moves the iterates along `state.direction`, which it may destroy; `sizes` are in units of the input. */
export type Step = (sizes: Float64Array, iteration: number) => void;

export interface Schedule {
  /** Step size of each row, in units of the input. */
  readonly sizes: Float64Array;
  /** Sees each evaluated iterate: `iteration` steps were made, 0 is the start. It may move rows back to an earlier point. */
  readonly observe: (iteration: number) => void;
}

/** An attack that follows gradients, put together. Each part is created anew for each restart. */
export interface GradientAttack {
  readonly steps: number;
  readonly restarts: number;
  readonly start: Start;
  readonly loss: LossOfRestart;
  readonly processing: readonly ((state: LoopState) => Processing)[];
  readonly step: (state: LoopState) => Step;
  readonly schedule: (state: LoopState, steps: number) => Schedule;
}
