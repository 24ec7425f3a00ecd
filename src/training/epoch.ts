import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { ComputePool } from '../engine/pool.ts';
import { epochOrder } from './batches.ts';
import type { EpochRecord, TrainingState } from './state.ts';
import { trainingStep, type TrainingPlan } from './training-step.ts';

export interface TrainingProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done and to do, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** Mean objective per row of the newest batch. */
  readonly loss: number;
  readonly epsilon: number;
  /** Of the last measured epoch. */
  readonly cleanAccuracy: number | undefined;
  readonly robustAccuracy: number | undefined;
  readonly secondsLeft: number;
}

export interface EpochContext {
  readonly pool: ComputePool;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** When this process began to train, and at which step: what the time left is estimated from. */
  readonly began: { readonly atMs: number; readonly step: number };
}

/**
 * Runs all steps of the epoch that `state` stands before.
 *
 * @throws {AppError} TEMPER_TRAINING_DIVERGED | TEMPER_INTERRUPTED
 */
export async function runEpoch(
  plan: TrainingPlan,
  state: TrainingState,
  context: EpochContext,
): Promise<EpochRecord> {
  const epoch = state.step / plan.stepsPerEpoch;
  const order = epochOrder(plan.rows, { seed: plan.seed, epoch });
  const totals = { loss: 0, rows: 0, fresh: 0, correct: 0 };
  let epsilon = 0;
  for (let k = 0; k < plan.stepsPerEpoch; k++) {
    throwIfInterrupted(context.signal);
    const outcome = await trainingStep(plan, state, { pool: context.pool, order });
    totals.loss += outcome.loss;
    totals.rows += outcome.rows;
    totals.fresh += outcome.fresh;
    totals.correct += outcome.correct;
    epsilon = outcome.epsilon;
    context.onProgress?.(
      progressOf(plan, state, { ...context, epoch, loss: outcome.loss / outcome.rows, epsilon }),
    );
  }
  return {
    epoch: epoch + 1,
    epsilon,
    loss: totals.loss / totals.rows,
    trainingAccuracy: totals.fresh === 0 ? 0 : totals.correct / totals.fresh,
  };
}

function progressOf(
  { config, stepsPerEpoch }: TrainingPlan,
  { step, history }: TrainingState,
  now: EpochContext & { epoch: number; loss: number; epsilon: number },
): TrainingProgress {
  const steps = config.epochs * stepsPerEpoch;
  const secondsPerStep = (now.clock.nowMs() - now.began.atMs) / 1000 / (step - now.began.step);
  const measured = history.findLast(({ robustAccuracy }) => robustAccuracy !== undefined);
  return {
    epoch: now.epoch + 1,
    epochs: config.epochs,
    step,
    steps,
    loss: now.loss,
    epsilon: now.epsilon,
    cleanAccuracy: measured?.cleanAccuracy,
    robustAccuracy: measured?.robustAccuracy,
    secondsLeft: secondsPerStep * (steps - step),
  };
}

function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new AppError(
    'TEMPER_INTERRUPTED',
    'Training was interrupted; started again with the same options and folder it goes on from its last finished epoch.',
  );
}
