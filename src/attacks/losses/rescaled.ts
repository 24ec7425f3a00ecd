import type { ScoreLoss } from '../../domain/target.ts';

/** Spread of scores at which a softmax is neither flat nor saturated in float32. */
const HEALTHY_SPREAD = 10;

/**
 * A loss on scores divided by a temperature, one per example:  L(z / T),  derivative L'(z / T) / T.
 * Scores a thousand times too large make the gradient of a softmax underflow; divided by a thousand they do not.
 *
 * @param temperatures > 0, shape [examples]
 */
export function rescaled(loss: ScoreLoss, temperatures: Float32Array): ScoreLoss {
  return (scores, batch) => {
    const classes = batch.count === 0 ? 0 : scores.length / batch.count;
    const temperatureAt = (index: number): number => temperatures[batch.rows[Math.floor(index / classes)]!]!;
    const { values, derivative } = loss(
      scores.map((z, index) => z / temperatureAt(index)),
      batch,
    );
    return { values, derivative: derivative.map((d, index) => d / temperatureAt(index)) };
  };
}

/**
 * For every example the temperature at which its clean scores lie 10 apart from smallest to largest; 1 where they are
 * all equal or not finite.
 */
export function temperaturesOf(cleanScores: Float32Array, classes: number): Float32Array {
  return Float32Array.from({ length: cleanScores.length / classes }, (_, example) => {
    const scores = cleanScores.subarray(example * classes, (example + 1) * classes);
    const spread = scores.reduce((a, b) => Math.max(a, b)) - scores.reduce((a, b) => Math.min(a, b));
    return spread > 0 && Number.isFinite(spread) ? spread / HEALTHY_SPREAD : 1;
  });
}
