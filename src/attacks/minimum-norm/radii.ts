import { createThreatBall } from '../constraints/threat-ball.ts';
import type { Ball } from '../norms/ball.ts';
import { lengthIn } from './lengths.ts';
import { originalOf, rowOf, type Search } from './search.ts';

/** The ball of one row, with a radius of its own; the row is its example 0. */
export function ballOfRow(search: Search, row: number, epsilon: number): Ball {
  const { threat, features } = search.session;
  return createThreatBall({ ...threat, epsilon }, { originals: originalOf(search, row), features });
}

/** Projects the iterate of one row into its ball. */
export function moveInside(search: Search, row: number, ball: Ball): void {
  ball.project({ values: rowOf(search, search.x, row), rows: Int32Array.of(0), count: 1 });
}

/** Scales the perturbation of one row to a length in L2; one of length 0 stays. */
export function moveOntoSphere(search: Search, row: number, radius: number): void {
  const point = rowOf(search, search.x, row);
  const original = originalOf(search, row);
  let squares = 0;
  for (let j = 0; j < point.length; j++) squares += (point[j]! - original[j]!) ** 2;
  if (squares === 0) return;
  const scale = radius / Math.sqrt(squares);
  for (let j = 0; j < point.length; j++) point[j] = original[j]! + scale * (point[j]! - original[j]!);
}

/** For every row how far the corner of the range lies that is farthest from the example, in the threat model's norm. */
export function farthestCorners(search: Search): Float64Array {
  const { session, space } = search;
  const { norm, range } = session.threat;
  const [low, high] = range;
  const corners = space.doubles(1);
  for (let i = 0; i < space.count; i++)
    corners[i] = lengthIn(
      norm,
      originalOf(search, i).map((x) => Math.max(x - low, high - x)),
    );
  return corners;
}

/**
 * Scales every row of the gradient to length 1 in L2. A row of zeros becomes noise of length 1: where the model says
 * nothing, any direction is as good, and standing still is not.
 */
export function normaliseGradients({ session, space, restart, gradient }: Search, step: number): void {
  const { features } = session;
  for (let i = 0; i < space.count; i++) {
    const row = gradient.subarray(i * features, (i + 1) * features);
    if (!scaleToOne(row)) {
      const rng = session.rng(space.rows[i]!, restart, 'no gradient', step);
      for (let j = 0; j < features; j++) row[j] = rng.normal();
      scaleToOne(row);
    }
  }
}

function scaleToOne(row: Float32Array): boolean {
  const length = lengthIn('l2', row);
  if (length === 0) return false;
  for (let j = 0; j < row.length; j++) row[j]! /= length;
  return true;
}
