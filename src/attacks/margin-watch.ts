import type { Judge } from '../domain/criterion.ts';
import { measureOf } from '../domain/distance.ts';
import type { Batch, GradientTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { namedLoss } from './losses/named.ts';

export interface WatchOptions {
  readonly target: GradientTarget;
  /** Shape [examples, features]. */
  readonly originals: Float32Array;
  readonly labels: Int32Array;
  readonly threat: ThreatModel;
  readonly judge: Judge;
}

/** A target that remembers, for every example, the best point inside the ball that it was asked about. */
export interface MarginWatch {
  readonly target: GradientTarget;
  /** Largest margin of the criterion, by example; −Infinity where nothing inside the ball was asked about. */
  readonly margins: Float64Array;
  /** Where it was, shape [examples, features]; the original where there is none. */
  readonly points: Float32Array;
}

/**
 * Watches how near an attack comes, also where it does not succeed. Success is what the margin is above 0 for, ties
 * aside. Points outside ball or range count as not asked about.
 */
export function watchMargins({ target, originals, labels, threat, judge }: WatchOptions): MarginWatch {
  const { classes, inputShape } = target;
  const features = originals.length / Math.max(1, labels.length);
  const cleanScores = new Float32Array(labels.length * classes);
  const margin = namedLoss('margin', { labels, target, judge, cleanScores });
  const measure = measureOf(threat, features);
  const [low, high] = threat.range;
  const points = originals.slice();
  const margins = new Float64Array(labels.length).fill(-Infinity);
  const isInside = (values: Float32Array, example: number, row: number): boolean =>
    measure({ values: originals, row: example }, { values, row }) <= threat.epsilon &&
    values.subarray(row * features, (row + 1) * features).every((x) => x >= low && x <= high);
  const note = (batch: Batch, scores: Float32Array): void => {
    const { values } = margin(scores, batch);
    for (let i = 0; i < batch.count; i++) {
      const example = batch.rows[i]!;
      if (!(values[i]! > margins[example]!) || !isInside(batch.inputs, example, i)) continue;
      margins[example] = values[i]!;
      points.set(batch.inputs.subarray(i * features, (i + 1) * features), example * features);
    }
  };
  return {
    margins,
    points,
    target: {
      inputShape,
      classes,
      async scores(batch) {
        const scores = await target.scores(batch);
        note(batch, scores);
        return scores;
      },
      async gradient(batch, loss) {
        const answer = await target.gradient(batch, loss);
        note(batch, answer.scores);
        return answer;
      },
    },
  };
}
