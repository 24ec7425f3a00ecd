import { AppError } from '../domain/errors.ts';
import { featureCount } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { ComputePool } from '../engine/pool.ts';
import { cutPieces, labelledRows, type Piece, type TrainingRows } from './batches.ts';
import type { TrainingConfig } from './config.ts';
import { advanceCurriculum } from './curriculum.ts';
import { learningRateFactor } from './learning-rate.ts';
import { scoresNeeded } from './objective.ts';
import { updateWeights } from './optimizer.ts';
import type { TrainingState } from './state.ts';
import { trainPieceTask, type TrainPieceInput, type TrainPieceOutput } from './train-piece.ts';
import type { NetworkAt } from './worker-model.ts';

/** What stays the same from the first step to the last. */
export interface TrainingPlan {
  readonly network: Omit<NetworkAt, 'weights'>;
  readonly ranges: readonly { start: number; end: number; decays: boolean }[];
  readonly rows: TrainingRows;
  readonly threat: TrainingThreat;
  readonly config: TrainingConfig;
  readonly seed: number;
  readonly stepsPerEpoch: number;
}

/** The part of a threat model that training looks at. */
export interface TrainingThreat extends Pick<ThreatModel, 'epsilon' | 'range'> {
  readonly norm: 'linf' | 'l2';
}

export interface StepOutcome {
  /** Sum over the batch's rows. */
  readonly loss: number;
  readonly rows: number;
  /** Fresh rows, and those of them still right under attack. */
  readonly fresh: number;
  readonly correct: number;
  readonly epsilon: number;
}

/**
 * One update: cuts the batch into its fixed pieces, lets workers compute their gradients, sums these in the pieces' order
 * (so that the number of workers changes nothing), and moves the weights. Changes `state`.
 *
 * @throws {AppError} TEMPER_TRAINING_DIVERGED
 */
export async function trainingStep(
  plan: TrainingPlan,
  state: TrainingState,
  context: {
    readonly pool: ComputePool;
    /** Order of this epoch's rows. */
    readonly order: Uint32Array;
  },
): Promise<StepOutcome> {
  const { config, stepsPerEpoch } = plan;
  const steps = config.epochs * stepsPerEpoch;
  const epsilon = currentEpsilon(plan, state);
  const pieces = cutPieces(context.order, plan.rows.fresh.count, {
    step: state.step % stepsPerEpoch,
    steps: stepsPerEpoch,
    pieces: config.pieces,
  });
  const outputs = await Promise.all(
    pieces.map((piece) => context.pool.run(trainPieceTask, pieceInput(plan, state, { piece, epsilon }))),
  );
  const { gradient, ...outcome } = reduce(pieces, outputs);
  checkFinite(outcome.loss, gradient, { step: state.step + 1, steps, epsilon });
  const learningRate = config.learningRate * learningRateFactor(config.schedule, state.step, steps);
  updateWeights(
    state.optimizer,
    { gradient, learningRate },
    {
      beta1: 0.9,
      beta2: 0.999,
      weightDecay: config.weightDecay,
      averaging: config.averaging,
      ranges: plan.ranges,
    },
  );
  keepCarried(state, pieces, outputs);
  state.step++;
  const accuracy = outcome.fresh === 0 ? undefined : outcome.correct / outcome.fresh;
  state.curriculum = advanceCurriculum(config.curriculum, state.curriculum, {
    step: state.step,
    steps,
    accuracy,
  });
  return { ...outcome, epsilon };
}

/** Epsilon of the step that comes next. */
export function currentEpsilon({ config, threat }: TrainingPlan, { curriculum }: TrainingState): number {
  return scoresNeeded(config.objective).adversarial
    ? threat.epsilon * config.epsilonFactor * curriculum.fraction
    : 0;
}

function pieceInput(
  { network, rows, threat, config, seed, stepsPerEpoch }: TrainingPlan,
  { optimizer, step, carried }: TrainingState,
  { piece, epsilon }: { piece: Piece; epsilon: number },
): TrainPieceInput {
  const epoch = Math.floor(step / stepsPerEpoch);
  const start =
    carried !== undefined && epoch > 0
      ? { kind: 'carried' as const, perturbations: gatherCarried(carried, rows, piece.fresh) }
      : {
          kind: 'random' as const,
          identities: Array.from(piece.fresh, (row) => ['training-start', seed, epoch, row]),
        };
  return {
    network: { ...network, weights: optimizer.weights },
    objective: config.objective,
    attack: {
      norm: threat.norm,
      epsilon,
      range: threat.range,
      steps: config.attack.steps,
      reach: config.attack.reach,
    },
    fresh: labelledRows(rows.fresh, piece.fresh),
    start,
    carry: carried !== undefined,
    stored: labelledRows(rows.stored, piece.stored),
  };
}

function reduce(
  pieces: readonly Piece[],
  outputs: readonly TrainPieceOutput[],
): Omit<StepOutcome, 'epsilon'> & { gradient: Float32Array } {
  const fresh = pieces.reduce((sum, piece) => sum + piece.fresh.length, 0);
  const rows = fresh + pieces.reduce((sum, piece) => sum + piece.stored.length, 0);
  const gradient = new Float32Array(outputs[0]!.gradient.length);
  for (let i = 0; i < gradient.length; i++) {
    let sum = 0;
    for (const output of outputs) sum += output.gradient[i]!;
    gradient[i] = sum / rows;
  }
  const loss = outputs.reduce((sum, output) => sum + output.loss, 0);
  const correct = outputs.reduce((sum, output) => sum + output.correct, 0);
  return { gradient, loss, correct, fresh, rows };
}

function gatherCarried(carried: Int8Array, rows: TrainingRows, wanted: Uint32Array): Int8Array {
  const features = featureCount(rows.fresh.inputShape);
  const gathered = new Int8Array(wanted.length * features);
  wanted.forEach((row, i) => {
    gathered.set(carried.subarray(row * features, (row + 1) * features), i * features);
  });
  return gathered;
}

function keepCarried(
  { carried }: TrainingState,
  pieces: readonly Piece[],
  outputs: readonly TrainPieceOutput[],
): void {
  if (carried === undefined) return;
  pieces.forEach(({ fresh }, p) => {
    const moved = outputs[p]!.carried;
    if (moved === undefined) return;
    const features = moved.length / fresh.length;
    fresh.forEach((row, i) => {
      carried.set(moved.subarray(i * features, (i + 1) * features), row * features);
    });
  });
}

function checkFinite(
  loss: number,
  gradient: Float32Array,
  at: { step: number; steps: number; epsilon: number },
): void {
  let squares = 0;
  for (const value of gradient) squares += value * value;
  if (Number.isFinite(loss) && Number.isFinite(squares)) return;
  throw new AppError(
    'TEMPER_TRAINING_DIVERGED',
    `Training produced loss ${loss} and gradient norm ${Math.sqrt(squares)} at step ${at.step} of ${at.steps} ` +
      `(epsilon ${at.epsilon}); finite numbers were expected. Lower the learning rate or lengthen the ramp.`,
    { details: at },
  );
}
