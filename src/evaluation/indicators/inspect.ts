import { crossEntropy } from '../../attacks/losses/cross-entropy.ts';
import { margin } from '../../attacks/losses/margin.ts';
import { createBall } from '../../attacks/norms/create-ball.ts';
import { isMisclassified } from '../../domain/misclassified.ts';
import type { ModelRef } from '../../domain/model-ref.ts';
import { featureCount, type Batch, type GradientTarget } from '../../domain/target.ts';
import type { ThreatModel } from '../../domain/threat-model.ts';
import { defineTask, type Task } from '../../engine/task.ts';
import { loadTarget } from '../load-target.ts';
import { REPEATED_SCORES, REPEATS, VANISHING_SIZE } from './thresholds.ts';

export interface InspectInput {
  readonly model: ModelRef;
  /** Shape [n, features]. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  readonly threat: ThreatModel;
}

/** What a look at a model's answers and gradients shows; arrays are indexed by example. */
export interface Inspection {
  /** Whether equal inputs got answers that differ by more than rounding. */
  readonly randomised: boolean;
  /** 1 where the gradient of the margin has vanished at the example. */
  readonly vanishing: Uint8Array;
  /** 1 where the example is read right, as it is and after one step of epsilon along the gradient of its true label's loss. */
  readonly cleanCorrect: Uint8Array;
  readonly fgsmCorrect: Uint8Array;
}

/** Looks at a shard: five forward passes, two gradients, and one more forward pass. */
export const inspectShard: Task<InspectInput, Inspection> = defineTask(__filename, 'runInspectShard');

export async function runInspectShard({ model, ...rest }: InspectInput): Promise<Inspection> {
  return inspect(await loadTarget(model), rest);
}

/** The work of `inspectShard` on any target. */
export async function inspect(
  target: GradientTarget,
  { inputs, labels, threat }: Omit<InspectInput, 'model'>,
): Promise<Inspection> {
  const rows = Int32Array.from(labels.keys());
  const batch = { inputs, count: rows.length, rows };
  const subject = { classes: target.classes, labels };
  const { randomised, scores } = await askAgain(target, batch);
  const { gradient } = await target.gradient(batch, margin(subject));
  const slope = await target.gradient(batch, crossEntropy(subject));
  const moved = await target.scores({
    ...batch,
    inputs: stepUp(batch, { gradient: slope.gradient, threat }),
  });
  const correct = (answers: Float32Array): Uint8Array =>
    Uint8Array.from(labels, (label, i) => Number(!isMisclassified(answers, target.classes, i, label)));
  return {
    randomised,
    vanishing: vanishingRows(gradient, { scores, threat, features: featureCount(target.inputShape) }),
    cleanCorrect: correct(scores),
    fgsmCorrect: correct(moved),
  };
}

async function askAgain(
  target: GradientTarget,
  batch: Batch,
): Promise<{ randomised: boolean; scores: Float32Array }> {
  const scores = await target.scores(batch);
  let randomised = false;
  for (let again = 1; again < REPEATS; again++) {
    const other = await target.scores(batch);
    const most = scores.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    randomised ||= scores.some((score, i) => Math.abs(score - other[i]!) > REPEATED_SCORES * most);
  }
  return { randomised, scores };
}

function vanishingRows(
  gradient: Float32Array,
  { scores, threat, features }: { scores: Float32Array; threat: ThreatModel; features: number },
): Uint8Array {
  const count = gradient.length / features;
  const classes = scores.length / count;
  const [low, high] = threat.range;
  return Uint8Array.from({ length: count }, (_, i) => {
    const slopes = gradient.subarray(i * features, (i + 1) * features);
    const row = scores.subarray(i * classes, (i + 1) * classes);
    const most = slopes.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const spread = row.reduce((a, b) => Math.max(a, b)) - row.reduce((a, b) => Math.min(a, b));
    return Number(!(most * (high - low) > VANISHING_SIZE * spread));
  });
}

/** One step of length epsilon, as FGSM makes it, on all rows, whether they are read right or not. */
function stepUp(
  { inputs, count, rows }: Batch,
  { gradient, threat }: { gradient: Float32Array; threat: ThreatModel },
): Float32Array {
  const { epsilon, range, norm } = threat;
  const ball = createBall(norm, { originals: inputs, features: inputs.length / count, epsilon, range });
  const directions = gradient.map((g) => (Number.isFinite(g) ? g : 0));
  ball.normalise(directions, count);
  const values = inputs.map((x, j) => x + epsilon * directions[j]!);
  ball.project({ values, rows, count });
  return values;
}
