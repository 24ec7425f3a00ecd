import { AppError } from '../../domain/errors.ts';
import type { ScoreLoss } from '../../domain/target.ts';
import { lossOfRows, strongestOther, type LossSubject, type TargetedSubject } from './loss.ts';

const GUARD = 1e-12;

/**
 * Difference of logits ratio:  L = −(z_y − max_{i≠y} z_i) / (z_(1) − z_(3) + 1e-12), z_(j) the j-th largest score.
 * Unchanged by shifting and scaling the scores. Needs three classes. Where y is third its value is 1 and its gradient 0.
 *
 * @throws {AppError} TEMPER_ATTACK_PARAMETER with fewer than three classes
 * @see Croce & Hein (2020), ICML, arXiv 2003.01690
 */
export function differenceOfLogits({ classes, labels }: LossSubject): ScoreLoss {
  assertClasses('dlr', classes, 3);
  return lossOfRows(classes, (scores, derivative, example) => {
    const label = labels[example]!;
    return ratioOfLogits(scores, derivative, { plus: strongestOther(scores, label), minus: label });
  });
}

/**
 * Towards a chosen class:  L = −(z_y − z_t) / (z_(1) − (z_(3) + z_(4))/2 + 1e-12). Needs four classes.
 * @throws {AppError} TEMPER_ATTACK_PARAMETER with fewer than four classes
 */
export function targetedDifferenceOfLogits({ classes, labels, targets }: TargetedSubject): ScoreLoss {
  assertClasses('dlr-targeted', classes, 4);
  return lossOfRows(classes, (scores, derivative, example) => {
    const [first, , third, fourth] = largest(scores, 4);
    return ratio(scores, derivative, {
      plus: targets[example]!,
      minus: labels[example]!,
      top: first!,
      bottoms: [third!, fourth!],
    });
  });
}

/**
 * (z_plus − z_minus) / (z_(1) − z_(3) + 1e-12) of one row, for any two classes.
 * @param derivative zero before; gets ∂/∂scores
 */
export function ratioOfLogits(
  scores: Float32Array,
  derivative: Float32Array,
  { plus, minus }: Pick<Ratio, 'plus' | 'minus'>,
): number {
  const [first, , third] = largest(scores, 3);
  return ratio(scores, derivative, { plus, minus, top: first!, bottoms: [third!] });
}

interface Ratio {
  readonly plus: number;
  readonly minus: number;
  readonly top: number;
  readonly bottoms: readonly number[];
}

/** (z_plus − z_minus) / (z_top − mean z_bottoms + guard), by the quotient rule. */
function ratio(scores: Float32Array, derivative: Float32Array, { plus, minus, top, bottoms }: Ratio): number {
  const share = 1 / bottoms.length;
  const spread = scores[top]! - share * bottoms.reduce((sum, k) => sum + scores[k]!, 0) + GUARD;
  const value = (scores[plus]! - scores[minus]!) / spread;
  derivative[plus]! += 1 / spread;
  derivative[minus]! -= 1 / spread;
  derivative[top]! -= value / spread;
  for (const k of bottoms) derivative[k]! += (share * value) / spread;
  return value;
}

/** Classes of the `n` largest scores, largest first; the first of equals comes first. */
function largest(scores: Float32Array, n: number): number[] {
  const order: number[] = [];
  for (let rank = 0; rank < n; rank++) {
    let best = -1;
    for (let k = 0; k < scores.length; k++) {
      if (order.includes(k)) continue;
      if (best < 0 || scores[k]! > scores[best]!) best = k;
    }
    order.push(best);
  }
  return order;
}

export function assertClasses(loss: string, classes: number, least: number): void {
  if (classes >= least) return;
  throw new AppError(
    'TEMPER_ATTACK_PARAMETER',
    `loss ${loss} needs at least ${least} classes, the model has ${classes}; use ce or margin`,
  );
}
