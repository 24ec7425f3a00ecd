import { createJudge } from '../domain/criterion.ts';
import { measureOf } from '../domain/distance.ts';
import { featureCount, type ScoreTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { feasibilityOf } from './constraints/threat-ball.ts';

export interface BisectOptions {
  readonly target: ScoreTarget;
  /** Shape [n, features]. */
  readonly originals: Float32Array;
  /** Points that the target misreads, shape [n, features]; rows with `success` 0 are left alone. */
  readonly adversarial: Float32Array;
  readonly success: Uint8Array;
  readonly labels: Int32Array;
  /** How distances are measured, what counts as success, and where points may go. */
  readonly threat: Pick<ThreatModel, 'norm' | 'range' | 'criterion' | 'constraints'>;
  /** Class to get to, shape [n]; for a targeted criterion that names none. */
  readonly targets?: Int32Array | undefined;
  /** Halvings: the result is within (distance / 2^steps) of a point where the answer changes. */
  readonly steps: number;
}

export interface Bisected {
  /** The nearest misread point found on the line, shape [n, features]; the given one where there was none nearer. */
  readonly adversarial: Float32Array;
  /** Infinity where `success` is 0. */
  readonly distance: Float32Array;
  readonly forwardQueries: Uint32Array;
}

/**
 * Moves adversarials along the straight line towards their originals, as near as the target still misreads them:
 * bisection over t in x₀ + t·(x − x₀), all examples at once. One-shot attacks land on the rim of the ball, so this is
 * what makes their distance mean something. Points stay between original and adversarial in every feature, also after
 * rounding to float32; under constraints they are moved to feasible ones near by. An example at distance 0 costs nothing.
 */
export async function bisect(options: BisectOptions): Promise<Bisected> {
  const { target, originals, success, labels, targets, threat, steps } = options;
  const features = featureCount(target.inputShape);
  const judge = createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets });
  const measure = measureOf(threat, features);
  const feasibility = feasibilityOf({ ...threat, epsilon: undefined }, { originals, features });
  const best = options.adversarial.slice();
  const distanceOf = (row: number): number => measure({ values: originals, row }, { values: best, row });
  const rows = Int32Array.from(labels.keys()).filter((row) => success[row] === 1 && distanceOf(row) > 0);
  const brackets = new Map(Array.from(rows, (row) => [row, { low: 0, high: 1 }]));
  const inputs = new Float32Array(rows.length * features);
  for (let step = 0; step < steps && rows.length > 0; step++) {
    rows.forEach((row, i) => {
      const { low, high } = brackets.get(row)!;
      writePoint(options, {
        row,
        t: (low + high) / 2,
        into: inputs.subarray(i * features, (i + 1) * features),
      });
    });
    feasibility?.makeFeasible({ values: inputs, rows, count: rows.length });
    const scores = await target.scores({ inputs, count: rows.length, rows });
    rows.forEach((row, i) => {
      const bracket = brackets.get(row)!;
      const t = (bracket.low + bracket.high) / 2;
      const distance = measure({ values: originals, row }, { values: inputs, row: i });
      if (judge.isSuccess(scores, i, row)) {
        bracket.high = t;
        // Made feasible, a point may lie farther away than the one that is known.
        if (distance <= distanceOf(row))
          best.set(inputs.subarray(i * features, (i + 1) * features), row * features);
      } else bracket.low = t;
    });
  }
  return {
    adversarial: best,
    distance: Float32Array.from(labels, (_, row) => (success[row] === 1 ? distanceOf(row) : Infinity)),
    forwardQueries: Uint32Array.from(labels, (_, row) => (brackets.has(row) ? steps : 0)),
  };
}

function writePoint(
  { originals, adversarial }: BisectOptions,
  { row, t, into }: { row: number; t: number; into: Float32Array },
): void {
  const from = row * into.length;
  for (let j = 0; j < into.length; j++) {
    const x = originals[from + j]!;
    into[j] = x + t * (adversarial[from + j]! - x);
  }
}
