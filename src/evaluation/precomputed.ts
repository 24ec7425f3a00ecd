import { AppError } from '../domain/errors.ts';
import { featureCount, type ScoreTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { createMeter, type MeterReading } from '../models/meter.ts';

export interface PrecomputedOptions {
  readonly target: ScoreTarget;
  /** Shape [n, features], inside the range. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  /**
   * Sets of adversarial inputs made beforehand, on another model, by another tool, or with a universal perturbation; each
   * of shape [n, features], row for row for the same examples.
   */
  readonly sets: readonly Float32Array[];
  readonly threat: ThreatModel;
}

/**
 * Plays adversarial inputs that exist already against a target: each is asked about once, unless the example has fallen.
 * What lies outside ball, range or constraints is no success, whoever made it.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when a set has not one row for each example
 */
export async function playPrecomputed(options: PrecomputedOptions): Promise<MeterReading> {
  const { target, inputs, labels, sets, threat } = options;
  const length = labels.length * featureCount(target.inputShape);
  [inputs, ...sets].forEach((values, i) => {
    if (values.length === length) return;
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `expected ${length} values (${labels.length} examples of shape ${target.inputShape.join('×')}) in ${i === 0 ? 'the inputs' : `set ${i - 1}`}, got ${values.length}`,
    );
  });
  const meter = createMeter({ target, inputs, labels, threat });
  const features = length / Math.max(1, labels.length);
  for (const values of [inputs, ...sets]) {
    const rows = Int32Array.from(labels.keys()).filter(meter.isLive);
    if (rows.length === 0) break;
    const asked = new Float32Array(rows.length * features);
    rows.forEach((row, i) => asked.set(values.subarray(row * features, (row + 1) * features), i * features));
    await meter.target.scores({ inputs: asked, count: rows.length, rows });
  }
  return meter.reading();
}
