import { AppError } from '../../domain/errors.ts';
import type { Batch, GradientTarget, LossGradient } from '../../domain/target.ts';

export const ENSEMBLE_MEANS = ['logits', 'loss', 'probabilities'] as const;

/**
 * What is averaged over the surrogates:
 * - logits: scores z̄ = Σ wᵢ zᵢ, the loss is taken on z̄ (Dong et al. 2018: best for transfer);
 * - probabilities: scores log Σ wᵢ softmax(zᵢ), the loss is taken on them (Liu et al. 2017);
 * - loss: Σ wᵢ L(zᵢ), each surrogate's own loss; scores are z̄.
 */
export type EnsembleMean = (typeof ENSEMBLE_MEANS)[number];

export interface EnsembleOptions {
  readonly mean: EnsembleMean;
  /** One per surrogate, ≥ 0, with a sum above 0; they are scaled to a sum of 1. Default: equal. */
  readonly weights?: readonly number[];
}

/**
 * Several surrogates as one target, so that any gradient attack makes examples which fool them all, and with luck a model
 * that nobody has gradients of. Asking it once asks each surrogate once; gradients with a shared loss ask twice.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when surrogates or weights do not fit together
 * @see Liu et al. (2017), ICLR, arXiv 1611.02770; Dong et al. (2018), CVPR, arXiv 1710.06081
 */
export function ensembleOf(
  surrogates: readonly GradientTarget[],
  { mean, weights }: EnsembleOptions,
): GradientTarget {
  const shares = sharesOf(surrogates, weights);
  const { inputShape, classes } = surrogates[0]!;
  const combine = mean === 'probabilities' ? logMeanProbability : meanScores;
  const askAll = (batch: Batch): Promise<Float32Array[]> =>
    Promise.all(surrogates.map((one) => one.scores(batch)));
  const scores = async (batch: Batch): Promise<Float32Array> =>
    combine(await askAll(batch), { shares, classes });
  return {
    inputShape,
    classes,
    scores,
    async gradient(batch, loss): Promise<LossGradient> {
      if (mean === 'loss') {
        const answers = await Promise.all(surrogates.map((one) => one.gradient(batch, loss)));
        return {
          scores: meanScores(
            answers.map((answer) => answer.scores),
            { shares, classes },
          ),
          losses: weightedSum(
            answers.map((answer) => answer.losses),
            shares,
          ),
          gradient: weightedSum(
            answers.map((answer) => answer.gradient),
            shares,
          ),
        };
      }
      const own = await askAll(batch);
      const joint = combine(own, { shares, classes });
      const { values, derivative } = loss(joint, batch);
      // The chain rule: each surrogate is asked for the gradient of what its own scores add to the joint ones.
      const parts = await Promise.all(
        surrogates.map((one, i) => {
          const pulled = pullBack(mean, { derivative, scores: own[i]!, joint, share: shares[i]!, classes });
          return one.gradient(batch, () => ({ values, derivative: pulled }));
        }),
      );
      return {
        scores: joint,
        losses: values,
        gradient: weightedSum(
          parts.map((part) => part.gradient),
          parts.map(() => 1),
        ),
      };
    },
  };
}

interface Shared {
  readonly shares: readonly number[];
  readonly classes: number;
}

function meanScores(all: readonly Float32Array[], { shares }: Shared): Float32Array {
  return weightedSum(all, shares);
}

/** log Σ wᵢ softmax(zᵢ)_k; the largest term is taken out of each sum. */
function logMeanProbability(all: readonly Float32Array[], { shares, classes }: Shared): Float32Array {
  const logs = all.map((scores) => logSoftmax(scores, classes));
  return Float32Array.from(logs[0]!, (_, i) => {
    const terms = logs.map((log, m) => log[i]! + Math.log(shares[m]!));
    const most = Math.max(...terms);
    return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
  });
}

interface Pulling {
  /** ∂L/∂joint scores, shape [count, classes]. */
  readonly derivative: Float32Array;
  readonly scores: Float32Array;
  readonly joint: Float32Array;
  readonly share: number;
  readonly classes: number;
}

/**
 * ∂L/∂zᵢ. For logits wᵢ·∂L/∂z̄. For probabilities, with s_k = log Σ w p_k:
 *   ∂s_k/∂z_j = r_k ([k = j] − p_j),  r_k = wᵢ pᵢ_k / Σ w p_k,  so  ∂L/∂z_j = r_j g_j − p_j Σ_k r_k g_k.
 */
function pullBack(mean: EnsembleMean, { derivative, scores, joint, share, classes }: Pulling): Float32Array {
  if (mean === 'logits') return derivative.map((d) => share * d);
  const logs = logSoftmax(scores, classes);
  const weighted = derivative.map((g, i) => g * share * Math.exp(logs[i]! - joint[i]!));
  return weighted.map((value, i) => {
    const from = i - (i % classes);
    let sum = 0;
    for (let k = from; k < from + classes; k++) sum += weighted[k]!;
    return value - Math.exp(logs[i]!) * sum;
  });
}

function logSoftmax(scores: Float32Array, classes: number): Float64Array {
  const logs = Float64Array.from(scores);
  for (let from = 0; from < logs.length; from += classes) {
    const row = logs.subarray(from, from + classes);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const normaliser = most + Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0));
    for (let k = 0; k < classes; k++) row[k]! -= normaliser;
  }
  return logs;
}

function weightedSum(all: readonly Float32Array[], shares: readonly number[]): Float32Array {
  return Float32Array.from(all[0]!, (_, i) =>
    all.reduce((sum, values, m) => sum + shares[m]! * values[i]!, 0),
  );
}

function sharesOf(
  surrogates: readonly GradientTarget[],
  weights: readonly number[] = surrogates.map(() => 1),
): readonly number[] {
  const first = surrogates[0];
  const total = weights.reduce((a, b) => a + b, 0);
  const areAlike = surrogates.every(
    ({ inputShape, classes }) => classes === first?.classes && inputShape.join() === first.inputShape.join(),
  );
  if (
    first === undefined ||
    !areAlike ||
    weights.length !== surrogates.length ||
    !(total > 0) ||
    weights.some((w) => !(w >= 0))
  )
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `expected surrogates of one input shape and number of classes, with one weight of 0 or more each, got ${surrogates.length} (${surrogates.map(({ inputShape, classes }) => `${inputShape.join('×')} to ${classes}`).join(', ')}) with weights ${weights.join(', ')}`,
    );
  return weights.map((weight) => weight / total);
}
