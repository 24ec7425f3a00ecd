import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { dualLengthIn, lengthIn } from './lengths.ts';
import { ballOfRow, farthestCorners, moveInside, moveOntoSphere, normaliseGradients } from './radii.ts';
import { cosine, createSearch, descend, originalOf, rowOf, type Search } from './search.ts';

export interface FmnParameters {
  readonly steps: number;
  /** First step size as a share of the range's width; the last is a hundredth of it. */
  readonly stepSize: number;
  /** Shares by which the radius shrinks or grows per step, at first and at last. */
  readonly adaptation: number;
  readonly lastAdaptation: number;
}

/**
 * Fast minimum norm. Each step goes along the gradient of the margin and is projected into a ball whose radius follows
 * the boundary: it shrinks by γ where the iterate is adversarial (and never exceeds the nearest adversarial so far), grows by
 * γ elsewhere once one was found, and before that is where the linearised margin ends, ‖δ‖ + |L| / dual(∇L), but grows by γ
 * at least: the paper's rule alone stops at the boundary of a linear model, a rounding error before the other side. In
 * L0 the radius is a number of features and moves by at least 1. Steps and γ fall along a cosine.
 *
 * In L2 the iterate goes onto the sphere, outwards too, instead of staying inside the ball: on a digits network trained
 * adversarially in Linf the median distance after 1,000 steps falls from 2.20 to 1.59 and every example is found instead
 * of 46 of 50; on one trained on clean digits nothing changes.
 *
 * @see Pintor et al. (2021), NeurIPS, arXiv 2102.12827
 */
export async function runFmn(
  session: AttackSession,
  { steps, stepSize, adaptation, lastAdaptation }: FmnParameters,
): Promise<void> {
  const search = createSearch(session);
  const { space, x, gradient } = search;
  const [low, high] = session.threat.range;
  const firstSize = stepSize * (high - low);
  const radii = space.doubles(1).fill(session.threat.norm === 'l0' ? 1 : Infinity);
  const corners = farthestCorners(search);
  const found = space.floats(1);
  const move = (step: number): void => {
    const size = cosine(step, steps, [firstSize, firstSize / 100]);
    const share = cosine(step, steps, [adaptation, lastAdaptation]);
    for (let i = 0; i < space.count; i++) {
      if (search.fooled[i] === 1) found[i] = 1;
      const wanted = nextRadius(search, { row: i, radius: radii[i]!, share, found: found[i] === 1 });
      radii[i] = Math.min(wanted, corners[i]!);
    }
    normaliseGradients(search, step);
    for (let i = 0; i < space.count; i++) {
      const point = rowOf(search, x, i);
      const along = rowOf(search, gradient, i);
      for (let j = 0; j < point.length; j++) point[j]! += size * along[j]!;
      if (session.threat.norm === 'l2') moveOntoSphere(search, i, radii[i]!);
      moveInside(search, i, ballOfRow(search, i, radii[i]!));
    }
  };
  await descend(search, { steps, loss: namedLoss('margin', session), move });
}

interface Radius {
  readonly row: number;
  readonly radius: number;
  /** γ of this step. */
  readonly share: number;
  /** Whether an iterate of the row was adversarial before. */
  readonly found: boolean;
}

function nextRadius(search: Search, { row, radius, share, found }: Radius): number {
  const { session, space, fooled, losses, gradient, x } = search;
  const { norm } = session.threat;
  const nearest = session.nearest(space.rows[row]!);
  if (norm === 'l0')
    return fooled[row] === 1
      ? Math.max(1, Math.min(radius - 1, Math.floor(radius * (1 - share)), nearest))
      : Math.max(radius + 1, Math.floor(radius * (1 + share)));
  if (fooled[row] === 1) return Math.min(radius * (1 - share), nearest);
  if (found) return radius * (1 + share);
  const original = originalOf(search, row);
  const length = lengthIn(
    norm,
    rowOf(search, x, row).map((value, j) => value - original[j]!),
  );
  const slope = Math.max(dualLengthIn(norm, rowOf(search, gradient, row)), 1e-12);
  const boundary = length + Math.abs(losses[row]!) / slope;
  return radius === Infinity ? boundary : Math.max(boundary, radius * (1 + share));
}
