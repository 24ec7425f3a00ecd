import { rulesOf, type Constraints } from '../../domain/constraints.ts';
import type { ThreatModel } from '../../domain/threat-model.ts';
import type { Ball, Points } from '../norms/ball.ts';
import { createBall } from '../norms/create-ball.ts';
import { boxOf, type Box } from './box.ts';
import { clampToBox, createConstrainedBall, forEachRow } from './constrained-ball.ts';
import { createSettler } from './settle.ts';

type Place = Pick<ThreatModel, 'norm' | 'range'> & { readonly constraints?: Constraints | undefined };

export interface Examples {
  /** Shape [examples, features]. */
  readonly originals: Float32Array;
  readonly features: number;
}

/** The ball of a threat model, with its constraints where it has any. */
export function createThreatBall(
  threat: Place & Pick<ThreatModel, 'epsilon'>,
  { originals, features }: Examples,
): Ball {
  const { norm, epsilon, range, constraints } = threat;
  const options = { originals, features, epsilon, range };
  if (constraints === undefined) return createBall(norm, options);
  return createConstrainedBall(norm, { ...options, rules: rulesOf(constraints, { features, range }) });
}

/** Moves points, in place, to where an adversary may really go. */
export type MakeFeasible = (points: Points) => void;

export interface Feasibility {
  readonly makeFeasible: MakeFeasible;
  /** Where the features may go, whatever the ball. */
  readonly box: Box;
}

/**
 * How points are made feasible: near by and, with an epsilon, inside the ball too. Undefined for a threat model without
 * constraints, where every point of the range is feasible.
 */
export function feasibilityOf(
  { norm, range, constraints, epsilon }: Place & { readonly epsilon: number | undefined },
  { originals, features }: Examples,
): Feasibility | undefined {
  if (constraints === undefined) return undefined;
  const rules = rulesOf(constraints, { features, range });
  const options = { originals, features, range, rules, epsilon: epsilon ?? Infinity };
  const box = boxOf(undefined, options);
  if (epsilon !== undefined) {
    const ball = createConstrainedBall(norm, options);
    return { makeFeasible: (points) => ball.settle(points), box };
  }
  const settle = createSettler(undefined, { ...options, box });
  const makeFeasible: MakeFeasible = (points) => {
    clampToBox(points, { box, features });
    forEachRow(points, features, settle);
  };
  return { makeFeasible, box };
}
