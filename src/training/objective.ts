import { z } from 'zod';

/**
 * What a training step makes smaller, summed over examples; adv and clean are an example's scores under attack and as it is:
 *   clean   CE(clean)
 *   pgd     CE(adv)
 *   mixed   CE(adv) + kl · KL(adv ‖ clean) + clean · CE(clean)
 *   trades  CE(clean) + beta · KL(clean ‖ adv), and the attack makes that divergence larger instead of CE
 * with CE(s) = log Σ exp s − s_label and KL(p ‖ q) = Σ p (log p − log q) between the softmaxes.
 *
 * @see Madry et al. (2018), ICLR (pgd); Zhang et al. (2019), ICML (trades)
 */
export const objectiveSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('clean') }),
  z.strictObject({ kind: z.literal('pgd') }),
  z.strictObject({
    kind: z.literal('mixed'),
    kl: z.number().min(0).max(100).default(0.5).describe('Weight of KL(adv ‖ clean). 0 to 100. Default 0.5.'),
    clean: z
      .number()
      .min(0)
      .max(100)
      .default(0.2)
      .describe('Weight of cross-entropy on clean rows. 0 to 100. Default 0.2.'),
  }),
  z.strictObject({
    kind: z.literal('trades'),
    beta: z.number().positive().max(100).default(1).describe('Weight of KL(clean ‖ adv). Default 1.'),
  }),
]);

export type Objective = z.infer<typeof objectiveSchema>;

/** Scores of the same examples; an objective gets what `scoresNeeded` names. Shapes [count, classes]. */
export interface ObjectiveScores {
  readonly adversarial?: Float32Array | undefined;
  readonly clean?: Float32Array | undefined;
}

export interface ObjectiveValue extends ObjectiveScores {
  /** Sum over examples. The scores' fields hold ∂sum/∂scores, where scores were given. */
  readonly sum: number;
}

/** Which forward passes an objective is made of. */
export function scoresNeeded(objective: Objective): { adversarial: boolean; clean: boolean } {
  switch (objective.kind) {
    case 'clean':
      return { adversarial: false, clean: true };
    case 'pgd':
      return { adversarial: true, clean: false };
    case 'mixed':
      return { adversarial: true, clean: objective.kl > 0 || objective.clean > 0 };
    case 'trades':
      return { adversarial: true, clean: true };
  }
}

/**
 * Value and exact derivative of an objective. Log-probabilities are taken after subtracting the largest score, so nothing
 * overflows; an example never feels another. O(count · classes).
 *
 * @param labels shape [count], values 0 … classes − 1
 */
export function objectiveValue(
  objective: Objective,
  scores: ObjectiveScores,
  labels: Int32Array,
): ObjectiveValue {
  const { adversarial, clean } = scores;
  const derivative = {
    adversarial: adversarial && new Float32Array(adversarial.length),
    clean: clean && new Float32Array(clean.length),
  };
  const classes = (adversarial ?? clean ?? labels).length / labels.length;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const at = { from: i * classes, to: (i + 1) * classes, label: labels[i]! };
    const adv = rowOf(adversarial, derivative.adversarial, at);
    const plain = rowOf(clean, derivative.clean, at);
    sum += rowValue(objective, adv, plain);
  }
  return { sum, ...derivative };
}

/**
 * Direction in which the attack moves the adversarial scores: uphill on CE, or on KL(clean ‖ adv) for trades. The gradient of
 * CE is divided by 1 − p_label, row by row: its direction is the same, and it does not vanish where the model is sure.
 *   d_k = exp(s_k) / Σ_{j ≠ label} exp(s_j) for k ≠ label,   d_label = −1
 */
export function attackDirection(
  objective: Objective,
  scores: { adversarial: Float32Array; clean: Float32Array | undefined },
  labels: Int32Array,
): Float32Array {
  if (objective.kind === 'trades')
    return objectiveValue({ kind: 'trades', beta: 1 }, scores, labels).adversarial!;
  const direction = new Float32Array(scores.adversarial.length);
  const classes = direction.length / labels.length;
  labels.forEach((label, i) => {
    const row = Float32Array.from(scores.adversarial.subarray(i * classes, (i + 1) * classes));
    row[label] = -Infinity;
    logSoftmax(row).forEach((log, k) => (direction[i * classes + k] = k === label ? -1 : Math.exp(log)));
  });
  return direction;
}

/** One example's log-probabilities, label, and where its derivative goes. */
interface Row {
  readonly logs: Float64Array;
  readonly label: number;
  readonly derivative: Float32Array;
}

function rowOf(
  scores: Float32Array | undefined,
  derivative: Float32Array | undefined,
  { from, to, label }: { from: number; to: number; label: number },
): Row | undefined {
  if (scores === undefined || derivative === undefined) return undefined;
  return { logs: logSoftmax(scores.subarray(from, to)), label, derivative: derivative.subarray(from, to) };
}

function rowValue(objective: Objective, adv: Row | undefined, clean: Row | undefined): number {
  switch (objective.kind) {
    case 'clean':
      return addCrossEntropy(clean!, 1);
    case 'pgd':
      return addCrossEntropy(adv!, 1);
    case 'mixed': {
      const onAdversarial = addCrossEntropy(adv!, 1);
      if (clean === undefined) return onAdversarial;
      return (
        onAdversarial + addDivergence(adv!, clean, objective.kl) + addCrossEntropy(clean, objective.clean)
      );
    }
    case 'trades':
      return addCrossEntropy(clean!, 1) + addDivergence(clean!, adv!, objective.beta);
  }
}

/** weight · CE; adds weight · (softmax − onehot) to the derivative. */
function addCrossEntropy({ logs, label, derivative }: Row, weight: number): number {
  logs.forEach((log, k) => (derivative[k]! += weight * (Math.exp(log) - (k === label ? 1 : 0))));
  return -weight * logs[label]!;
}

/** weight · KL(p ‖ q); adds p_k (log p_k − log q_k − KL) to p's derivative and q_k − p_k to q's, times the weight. */
function addDivergence(p: Row, q: Row, weight: number): number {
  let divergence = 0;
  p.logs.forEach((log, k) => (divergence += Math.exp(log) * (log - q.logs[k]!)));
  p.logs.forEach((log, k) => {
    const share = Math.exp(log);
    p.derivative[k]! += weight * share * (log - q.logs[k]! - divergence);
    q.derivative[k]! += weight * (Math.exp(q.logs[k]!) - share);
  });
  return weight * divergence;
}

function logSoftmax(scores: Float32Array): Float64Array {
  let largest = -Infinity;
  for (const score of scores) largest = Math.max(largest, score);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - largest);
  const logSum = largest + Math.log(sum);
  return Float64Array.from(scores, (score) => score - logSum);
}
