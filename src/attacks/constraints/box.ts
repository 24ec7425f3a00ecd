import { brokenFeatures, type Rules } from '../../domain/constraints.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { BallOptions } from '../norms/ball.ts';
import { nextAbove, nextBelow } from '../norms/float32.ts';

/** Least and largest float32 value that each feature of each example may take, shape [examples, features]. */
export interface Box {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/**
 * What range, bounds, directions and immutable features leave of each feature by itself; without its own rules broken, the
 * original lies inside. In Linf also the ball, ε in units of the scale, rounded inwards.
 */
export function boxOf(
  norm: Norm | undefined,
  { originals, features, epsilon, rules }: BallOptions & { readonly rules: Rules },
): Box {
  const lower = originals.slice();
  const upper = originals.slice();
  const count = originals.length / features;
  for (let example = 0; example < count; example++) {
    const from = example * features;
    const broken = brokenFeatures(rules, originals.subarray(from, from + features));
    for (let j = 0; j < features; j++) {
      if (broken[j] === 1) continue;
      const reach = norm === 'linf' ? { epsilon, scale: rules.scales[j]! } : undefined;
      const x = originals[from + j]!;
      if (rules.mayFall[j] === 1) lower[from + j] = leastValue(x, rules.low[j]!, reach);
      if (rules.mayRise[j] === 1) upper[from + j] = -leastValue(-x, -rules.high[j]!, reach);
    }
  }
  return { lower, upper };
}

interface Reach {
  readonly epsilon: number;
  readonly scale: number;
}

/** The smallest float32 from `low` up that is within reach of x: (x − value) / scale ≤ ε as distances are computed. */
function leastValue(x: number, low: number, reach: Reach | undefined): number {
  let least = Math.fround(reach === undefined ? low : Math.max(low, x - reach.epsilon * reach.scale));
  if (least > low) {
    const before = nextBelow(least);
    if (before >= low && (reach === undefined || (x - before) / reach.scale <= reach.epsilon)) least = before;
  }
  while (least < low || (reach !== undefined && (x - least) / reach.scale > reach.epsilon))
    least = nextAbove(least);
  return least;
}
