import { createJudge } from '../../domain/criterion.ts';
import { AppError } from '../../domain/errors.ts';
import { createRng, permutation } from '../../domain/rng.ts';
import { featureCount, type Batch, type GradientTarget } from '../../domain/target.ts';
import type { ThreatModel } from '../../domain/threat-model.ts';
import { createThreatBall, feasibilityOf } from '../constraints/threat-ball.ts';
import { namedLoss, type LossName } from '../losses/named.ts';
import type { Ball } from '../norms/ball.ts';
import { createBall } from '../norms/create-ball.ts';

export interface UniversalOptions {
  readonly target: GradientTarget;
  /** The slice that it is trained on, shape [n, features], n ≥ 1; none of the examples it is judged by. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Passes over the slice. Default 10. */
  readonly epochs?: number;
  /** Examples per step. Default 64. */
  readonly batchSize?: number;
  /** Size of a step as a multiple of epsilon. Default 0.1. */
  readonly relativeStep?: number;
  /** Default margin. */
  readonly loss?: LossName;
}

export interface UniversalPerturbation {
  /** Added to any input, which then goes back into the range (and the constraints); shape [features], inside the ball. */
  readonly perturbation: Float32Array;
  /** Share of the slice that it fools, those misread without it included. */
  readonly fooled: number;
}

/**
 * One perturbation for all inputs, by projected ascent:
 *   δ ← P(δ + step·normalise(Σ_i ∂L(x_i + δ)/∂x)),  over the examples of a batch that are not fooled yet,
 * in an order drawn anew for each pass. Kept is the δ that fools most of the slice at the end of a pass. Who is fooled
 * already has no say, so that δ does not work for them alone.
 *
 * @throws {AppError} TEMPER_STATS_EMPTY without examples
 * @see Moosavi-Dezfooli et al. (2017), CVPR, arXiv 1610.08401; by gradients Shafahi et al. (2020), AAAI, arXiv 1811.11304
 */
export async function trainUniversal(options: UniversalOptions): Promise<UniversalPerturbation> {
  const { target, labels, threat, seed, epochs = 10, batchSize = 64, relativeStep = 0.1 } = options;
  if (labels.length === 0)
    throw new AppError(
      'TEMPER_STATS_EMPTY',
      'expected examples to train a universal perturbation on, got none',
    );
  const features = featureCount(target.inputShape);
  const ball = aroundZero(threat, features);
  const perturbation = new Float32Array(features);
  const point = { values: perturbation, rows: Int32Array.of(0), count: 1 };
  const climb = climber(options, features);
  let best: UniversalPerturbation = {
    perturbation: perturbation.slice(),
    fooled: await climb.fooled(perturbation),
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(labels.length, createRng('universal', seed, epoch));
    for (let from = 0; from < order.length; from += batchSize) {
      const direction = await climb.direction(
        perturbation,
        Int32Array.from(order.subarray(from, from + batchSize)),
      );
      ball.normalise(direction, 1);
      direction.forEach((d, j) => (perturbation[j]! += relativeStep * threat.epsilon * d));
      ball.project(point);
    }
    const fooled = await climb.fooled(perturbation);
    if (fooled > best.fooled) best = { perturbation: perturbation.slice(), fooled };
  }
  return best;
}

/** Inputs with the perturbation, back in the range, the ball and the constraints; shape [n, features]. */
export function addUniversal(
  perturbation: Float32Array,
  { inputs, threat }: { readonly inputs: Float32Array; readonly threat: ThreatModel },
): Float32Array {
  const features = perturbation.length;
  const values = inputs.map((x, i) => x + perturbation[i % features]!);
  const rows = Int32Array.from({ length: inputs.length / features }, (_, i) => i);
  const points = { values, rows, count: rows.length };
  const examples = { originals: inputs, features };
  const feasibility = feasibilityOf(threat, examples);
  if (feasibility === undefined) createThreatBall(threat, examples).project(points);
  else feasibility.makeFeasible(points);
  return values;
}

interface Climber {
  /** Sum of the gradients of the rows that are not fooled. */
  direction(perturbation: Float32Array, rows: Int32Array): Promise<Float32Array>;
  fooled(perturbation: Float32Array): Promise<number>;
}

function climber(options: UniversalOptions, features: number): Climber {
  const { target, inputs, labels, threat, batchSize = 64, loss: name = 'margin' } = options;
  const { classes } = target;
  const judge = createJudge({ criterion: threat.criterion, classes, labels });
  const loss = namedLoss(name, {
    labels,
    target,
    judge,
    cleanScores: new Float32Array(labels.length * classes),
  });
  const batchOf = (perturbation: Float32Array, rows: Int32Array): Batch => {
    const own = new Float32Array(rows.length * features);
    rows.forEach((row, i) => own.set(inputs.subarray(row * features, (row + 1) * features), i * features));
    return { inputs: addUniversal(perturbation, { inputs: own, threat }), count: rows.length, rows };
  };
  return {
    async direction(perturbation, rows) {
      const { gradient, scores } = await target.gradient(batchOf(perturbation, rows), loss);
      const sum = new Float32Array(features);
      rows.forEach((row, i) => {
        if (judge.isSuccess(scores, i, row)) return;
        for (let j = 0; j < features; j++) {
          const g = gradient[i * features + j]!;
          if (Number.isFinite(g)) sum[j]! += g;
        }
      });
      return sum;
    },
    async fooled(perturbation) {
      let count = 0;
      for (let from = 0; from < labels.length; from += batchSize) {
        const rows = Int32Array.from(
          { length: Math.min(batchSize, labels.length - from) },
          (_, i) => from + i,
        );
        const scores = await target.scores(batchOf(perturbation, rows));
        rows.forEach((row, i) => (count += Number(judge.isSuccess(scores, i, row))));
      }
      return count / labels.length;
    },
  };
}

/** The ball of perturbations themselves; no range, since that is each input's own. Scales are those of the constraints. */
function aroundZero({ norm, epsilon, constraints }: ThreatModel, features: number): Ball {
  const options = { originals: new Float32Array(features), features };
  const range = [-3e38, 3e38] as const;
  const scales = constraints?.scales;
  if (scales === undefined) return createBall(norm, { ...options, epsilon, range });
  return createThreatBall({ norm, epsilon, range, constraints: { scales } }, options);
}
