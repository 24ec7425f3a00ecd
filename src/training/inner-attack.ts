import { createRng } from '../domain/rng.ts';
import { tf } from '../engine/tf.ts';
import { scoreOp } from '../models/score-op.ts';

/** The attack inside a training step or a validation: a few steps of projected gradient ascent on tensors. */
export interface InnerAttack {
  readonly norm: 'linf' | 'l2';
  /** Radius in use now; 0 leaves the rows as they are. */
  readonly epsilon: number;
  /** Valid range of every feature. */
  readonly range: readonly [number, number];
  readonly steps: number;
  /** How far all steps together may go, in units of epsilon: one step is reach · epsilon / steps long. */
  readonly reach: number;
}

/** Perturbations as they are carried from epoch to epoch: 127 stands for +epsilon. */
export type CarriedPerturbations = Int8Array;

const CARRIED_FULL = 127;

/**
 * Moves rows uphill within the ball and the range:
 *   x ← clip(x + α · u),  u = sign(g) in Linf, g / ‖g‖₂ in L2,  α = reach · ε / steps
 *
 * @param clean rows, shape [n, …]     @param start where to begin, inside the ball; same shape
 * @param derivativeOf from scores at a point to the derivative of what is to grow
 */
export function climb(
  { clean, start }: { clean: tf.Tensor; start: tf.Tensor },
  scores: (inputs: tf.Tensor) => tf.Tensor2D,
  { attack, derivativeOf }: { attack: InnerAttack; derivativeOf: (scores: Float32Array) => Float32Array },
): tf.Tensor {
  let current = start;
  for (let k = 0; k < attack.steps; k++) {
    const previous = current;
    current = tf.tidy(() => {
      const loss = scoreOp(derivativeOf);
      const gradient = tf.grad((inputs) => loss(scores(inputs)))(previous);
      loss.check();
      return stepUp({ clean, from: previous, gradient }, attack);
    });
    if (previous !== start) previous.dispose();
  }
  return current;
}

/** One step of the attack along a gradient, back into ball and range. */
export function stepUp(
  { clean, from, gradient }: { clean: tf.Tensor; from: tf.Tensor; gradient: tf.Tensor },
  attack: InnerAttack,
): tf.Tensor {
  const length = (attack.reach * attack.epsilon) / attack.steps;
  return tf.tidy(() =>
    project({ clean, moved: tf.add(from, tf.mul(direction(gradient, attack), length)) }, attack),
  );
}

/**
 * Random points of each row's ball, drawn from a generator of its own, so that a row's start does not depend on its batch.
 * Linf: uniform in the cube; L2: uniform direction, radius uniform in [0, ε].
 *
 * @returns perturbations, shape [identities, features]
 */
export function randomPerturbations(
  { norm, epsilon }: InnerAttack,
  features: number,
  identities: readonly (readonly (string | number)[])[],
): Float32Array {
  const values = new Float32Array(identities.length * features);
  identities.forEach((identity, row) => {
    const rng = createRng(...identity);
    const own = values.subarray(row * features, (row + 1) * features);
    if (norm === 'linf') {
      for (let k = 0; k < features; k++) own[k] = epsilon * (rng.uint32() / 2 ** 31 - 1);
      return;
    }
    let squares = 0;
    for (let k = 0; k < features; k++) squares += (own[k] = rng.normal()) ** 2;
    const scale = (epsilon * rng.uniform()) / Math.sqrt(squares);
    for (let k = 0; k < features; k++) own[k]! *= scale;
  });
  return values;
}

/** Carried perturbations at today's epsilon: they grow with it. */
export function restorePerturbations(carried: CarriedPerturbations, epsilon: number): Float32Array {
  // Plain loops: `from` with a function took a fifth of a training step.
  const perturbations = new Float32Array(carried.length);
  const unit = epsilon / CARRIED_FULL;
  for (let i = 0; i < carried.length; i++) perturbations[i] = carried[i]! * unit;
  return perturbations;
}

/** Perturbations in 127ths of epsilon. */
export function packPerturbations(perturbations: Float32Array, epsilon: number): CarriedPerturbations {
  const carried = new Int8Array(perturbations.length);
  if (epsilon === 0) return carried;
  const units = CARRIED_FULL / epsilon;
  for (let i = 0; i < carried.length; i++) carried[i] = Math.round(perturbations[i]! * units);
  return carried;
}

/** Brings moved rows back into the ball around the clean ones, then into the valid range. */
export function project(
  { clean, moved }: { clean: tf.Tensor; moved: tf.Tensor },
  { norm, epsilon, range }: InnerAttack,
): tf.Tensor {
  const [low, high] = range;
  if (norm === 'linf') {
    const near = tf.minimum(tf.maximum(moved, tf.sub(clean, epsilon)), tf.add(clean, epsilon));
    return tf.clipByValue(near, low, high);
  }
  const away = tf.sub(moved, clean);
  const shrink = tf.minimum(tf.div(epsilon, rowNorms(away)), 1);
  return tf.clipByValue(tf.add(clean, tf.mul(away, shrink)), low, high);
}

function direction(gradient: tf.Tensor, { norm }: InnerAttack): tf.Tensor {
  return norm === 'linf' ? tf.sign(gradient) : tf.div(gradient, rowNorms(gradient));
}

/** L2 norm of each row, never 0, shaped to broadcast. */
function rowNorms(rows: tf.Tensor): tf.Tensor {
  const axes = rows.shape.map((_, axis) => axis).slice(1);
  return tf.maximum(tf.sqrt(tf.sum(tf.square(rows), axes, true)), 1e-12);
}
