import { createRng } from '../../src/domain/rng.ts';
import {
  featureCount,
  type Batch,
  type GradientTarget,
  type LossGradient,
  type ScoreLoss,
} from '../../src/domain/target.ts';

/** Weights of logits = W2·tanh(W1·x + b1) + b2, row-major. */
export interface NetworkWeights {
  readonly w1: readonly (readonly number[])[];
  readonly b1: readonly number[];
  readonly w2: readonly (readonly number[])[];
  readonly b2: readonly number[];
}

export interface CountingTarget extends GradientTarget {
  /** Rows asked for so far, in batches. */
  readonly asked: { readonly kind: 'scores' | 'gradient'; readonly rows: readonly number[] }[];
}

/** Weights drawn from a seed. */
export function randomWeights(
  shape: { features: number; hidden: number; classes: number },
  seed: number,
): NetworkWeights {
  const rng = createRng('network', seed);
  const matrix = (rows: number, columns: number, scale: number): number[][] =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, () => scale * rng.normal()));
  return {
    w1: matrix(shape.hidden, shape.features, 2 / Math.sqrt(shape.features)),
    b1: matrix(1, shape.hidden, 0.3)[0]!,
    w2: matrix(shape.classes, shape.hidden, 2 / Math.sqrt(shape.hidden)),
    b2: matrix(1, shape.classes, 0.1)[0]!,
  };
}

/** A two-layer network with exact gradients, in plain code: each row is computed on its own. */
export function networkTarget(weights: NetworkWeights, inputShape: readonly number[]): CountingTarget {
  const features = featureCount(inputShape);
  const classes = weights.b2.length;
  const asked: CountingTarget['asked'][number][] = [];
  const note = (kind: 'scores' | 'gradient', { rows, count }: Batch): void => {
    asked.push({ kind, rows: Array.from(rows.subarray(0, count)) });
  };
  const answer = ({ inputs, count }: Batch): { hidden: number[][]; scores: Float32Array } => {
    const scores = new Float32Array(count * classes);
    const hidden: number[][] = [];
    for (let i = 0; i < count; i++) {
      const x = inputs.subarray(i * features, (i + 1) * features);
      const h = weights.w1.map((row, k) => Math.tanh(dot(row, x) + weights.b1[k]!));
      hidden.push(h);
      weights.w2.forEach((row, k) => (scores[i * classes + k] = dot(row, h) + weights.b2[k]!));
    }
    return { hidden, scores };
  };
  return {
    inputShape,
    classes,
    asked,
    scores(batch) {
      note('scores', batch);
      return Promise.resolve(answer(batch).scores);
    },
    gradient(batch: Batch, loss: ScoreLoss): Promise<LossGradient> {
      note('gradient', batch);
      const { hidden, scores } = answer(batch);
      const { values, derivative } = loss(scores, batch);
      const gradient = new Float32Array(batch.count * features);
      hidden.forEach((h, i) => {
        const upstream = h.map((value, j) => {
          let sum = 0;
          for (let k = 0; k < classes; k++) sum += derivative[i * classes + k]! * weights.w2[k]![j]!;
          return sum * (1 - value * value);
        });
        for (let j = 0; j < features; j++) {
          let sum = 0;
          upstream.forEach((u, k) => (sum += u * weights.w1[k]![j]!));
          gradient[i * features + j] = sum;
        }
      });
      return Promise.resolve({ scores, losses: values, gradient });
    },
  };
}

function dot(a: readonly number[], b: ArrayLike<number>): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** Inputs in [0, 1] for a target, float32. */
export function randomInputs(count: number, features: number, seed: number): Float32Array {
  const rng = createRng('inputs', seed);
  return Float32Array.from({ length: count * features }, () => rng.uniform());
}

/** The target's own classes. */
export async function ownLabels(target: GradientTarget, inputs: Float32Array): Promise<Int32Array> {
  const count = inputs.length / featureCount(target.inputShape);
  const rows = Int32Array.from({ length: count }, (_, i) => i);
  const scores = await target.scores({ inputs, count, rows });
  return rows.map((row) => {
    const line = scores.subarray(row * target.classes, (row + 1) * target.classes);
    return line.indexOf(line.reduce((a, b) => Math.max(a, b)));
  });
}

/** Scores W·x + b: the distance to every decision boundary is known. */
export function linearTarget(
  weights: readonly (readonly number[])[],
  biases: readonly number[],
): GradientTarget {
  const classes = biases.length;
  const features = weights[0]!.length;
  const answer = ({ inputs, count }: Batch): Float32Array => {
    const scores = new Float32Array(count * classes);
    for (let i = 0; i < count; i++) {
      const x = inputs.subarray(i * features, (i + 1) * features);
      weights.forEach((row, k) => (scores[i * classes + k] = dot(row, x) + biases[k]!));
    }
    return scores;
  };
  return {
    inputShape: [features],
    classes,
    scores: (batch) => Promise.resolve(answer(batch)),
    gradient(batch, loss) {
      const scores = answer(batch);
      const { values, derivative } = loss(scores, batch);
      const gradient = new Float32Array(batch.count * features);
      derivative.forEach((d, at) => {
        const start = Math.floor(at / classes) * features;
        for (let j = 0; j < features; j++) gradient[start + j]! += d * weights[at % classes]![j]!;
      });
      return Promise.resolve({ scores, losses: values, gradient });
    },
  };
}
