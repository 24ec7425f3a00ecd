import { defineTask, type Task } from '../engine/pool.ts';
import { inScope } from '../engine/in-scope.ts';
import { tf } from '../engine/tf.ts';
import { joinFloats } from '../models/flat-weights.ts';
import { scoreOp } from '../models/score-op.ts';
import {
  climb,
  packPerturbations,
  project,
  randomPerturbations,
  restorePerturbations,
  stepUp,
  type CarriedPerturbations,
  type InnerAttack,
} from './inner-attack.ts';
import { attackDirection, objectiveValue, scoresNeeded, type Objective } from './objective.ts';
import { countCorrect, predictions, rowsTensor, type LabelledRows } from './rows.ts';
import { workerModel, type Gradients, type NetworkAt, type WorkerModel } from './worker-model.ts';

/** A fixed part of a batch, with everything that decides its gradient. */
export interface TrainPieceInput {
  readonly network: NetworkAt;
  readonly objective: Objective;
  readonly attack: InnerAttack;
  /** Rows that are perturbed here (left as they are when the objective has no attack). */
  readonly fresh: LabelledRows;
  /** Where each fresh row's attack starts: carried from its last visit, or drawn from `identities`. */
  readonly start:
    | { readonly kind: 'carried'; readonly perturbations: CarriedPerturbations }
    | { readonly kind: 'random'; readonly identities: readonly (readonly (string | number)[])[] };
  /** Whether the perturbations are to be given back. */
  readonly carry: boolean;
  /** Adversarial rows made earlier: used as they are, with cross-entropy. */
  readonly stored: LabelledRows;
}

export interface TrainPieceOutput {
  /** Sums over the piece's rows, not means: the parent divides by the batch. */
  readonly gradient: Float32Array;
  readonly loss: number;
  /** Fresh rows still right under attack (as they are, when the objective has no attack). */
  readonly correct: number;
  readonly carried?: CarriedPerturbations;
}

/** Gradient of a piece of a batch: attack the fresh rows, then one forward and backward pass over everything. */
export async function trainPiece(input: TrainPieceInput): Promise<TrainPieceOutput> {
  const model = await workerModel(input.network);
  return inScope(() => {
    const clean = rowsTensor(input.fresh, model.inputShape);
    const attacked = scoresNeeded(input.objective).adversarial && input.fresh.labels.length > 0;
    const adversarial = attacked ? attackFresh(model, clean, input) : clean;
    const { gradient, ...result } = descend(model, { clean, adversarial }, input);
    if (gradient.inputs === undefined) return { ...result, gradient: gradient.weights };
    const carried = carryOn({ clean, adversarial, gradient: gradient.inputs }, input);
    return { ...result, gradient: gradient.weights, carried };
  });
}

export const trainPieceTask: Task<TrainPieceInput, TrainPieceOutput> = defineTask(__filename, 'trainPiece');

function attackFresh(model: WorkerModel, clean: tf.Tensor, input: TrainPieceInput): tf.Tensor {
  const { attack, objective, fresh } = input;
  const start = startOf(model, clean, input);
  const needsClean = objective.kind === 'trades' || leaksLabels(input);
  const cleanScores = needsClean ? (model.scores(clean).dataSync() as Float32Array) : undefined;
  const labels =
    leaksLabels(input) && cleanScores !== undefined
      ? predictions(cleanScores, fresh.labels.length)
      : fresh.labels;
  const derivativeOf = (scores: Float32Array): Float32Array =>
    attackDirection(objective, { adversarial: scores, clean: cleanScores }, labels);
  return climb({ clean, start }, model.scores, { attack, derivativeOf });
}

/**
 * A single step from a random point can write the true label into the picture for the model to learn; then the model's own
 * prediction takes the label's place. A carried perturbation has had many steps.
 */
function leaksLabels({ attack, start }: TrainPieceInput): boolean {
  return attack.steps === 1 && start.kind === 'random';
}

function startOf(model: WorkerModel, clean: tf.Tensor, { attack, start }: TrainPieceInput): tf.Tensor {
  const features = clean.size / clean.shape[0];
  const values =
    start.kind === 'carried'
      ? restorePerturbations(start.perturbations, attack.epsilon)
      : randomPerturbations(attack, features, start.identities);
  return tf.tidy(() => project({ clean, moved: tf.add(clean, tf.tensor(values, clean.shape)) }, attack));
}

/**
 * Perturbations for the next visit. The pass that gave the weights' gradient gave the inputs' as well: they take one more
 * step along it, for nothing. (The mixed and TRADES objectives put the adversarial rows first and their gradient is then
 * that of the whole objective, which points uphill as well.)
 */
function carryOn(
  { clean, adversarial, gradient }: { clean: tf.Tensor; adversarial: tf.Tensor; gradient: tf.Tensor },
  { attack }: TrainPieceInput,
): CarriedPerturbations {
  const ofAdversarial = tf.slice(gradient, 0, clean.shape[0]);
  const moved = stepUp({ clean, from: adversarial, gradient: ofAdversarial }, attack);
  return packPerturbations(tf.sub(moved, clean).dataSync() as Float32Array, attack.epsilon);
}

type Descent = Omit<TrainPieceOutput, 'gradient' | 'carried'> & { readonly gradient: Gradients };

/** One pass over [adversarial; clean; stored], of which the objective says what is in it. */
function descend(
  model: WorkerModel,
  { clean, adversarial }: { clean: tf.Tensor; adversarial: tf.Tensor },
  { objective, fresh, stored, carry }: TrainPieceInput,
): Descent {
  const needed = scoresNeeded(objective);
  const parts = [
    ...(needed.adversarial ? [adversarial] : []),
    ...(needed.clean ? [clean] : []),
    rowsTensor(stored, model.inputShape),
  ].filter(({ size }) => size > 0);
  const together = parts.length === 1 ? parts[0]! : tf.concat(parts);
  let loss = 0;
  let correct = 0;
  const op = scoreOp((scores) => {
    const cut = cutScores(scores, { needed, rows: fresh.labels.length, classes: model.classes });
    const onFresh = objectiveValue(objective, cut, fresh.labels);
    const onStored = objectiveValue({ kind: 'clean' }, { clean: cut.stored }, stored.labels);
    loss = onFresh.sum + onStored.sum;
    correct = countCorrect((cut.adversarial ?? cut.clean)!, fresh.labels);
    const derivatives = [onFresh.adversarial, onFresh.clean, onStored.clean];
    return joinFloats(derivatives.filter((part) => part !== undefined));
  });
  const byInputs = carry && needed.adversarial && fresh.labels.length > 0;
  const gradient = model.gradients({ inputs: together, byInputs }, op);
  op.check();
  return { gradient, loss, correct };
}

function cutScores(
  scores: Float32Array,
  {
    needed,
    rows,
    classes,
  }: { needed: { adversarial: boolean; clean: boolean }; rows: number; classes: number },
): { adversarial: Float32Array | undefined; clean: Float32Array | undefined; stored: Float32Array } {
  const block = rows * classes;
  const cleanFrom = needed.adversarial ? block : 0;
  const storedFrom = cleanFrom + (needed.clean ? block : 0);
  return {
    adversarial: needed.adversarial ? scores.subarray(0, block) : undefined,
    clean: needed.clean ? scores.subarray(cleanFrom, storedFrom) : undefined,
    stored: scores.subarray(storedFrom),
  };
}
