import { measureOf } from '../../domain/distance.ts';
import { AppError } from '../../domain/errors.ts';
import type { Batch, GradientTarget } from '../../domain/target.ts';
import type { AttackSession, BoundAttack } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { ensembleOf, type EnsembleMean } from './ensemble.ts';

export interface TransferOptions {
  readonly inner: BoundAttack;
  readonly models: readonly GradientTarget[];
  readonly mean: EnsembleMean;
}

/**
 * Runs an attack on surrogates, without asking the target, and returns for every example the point inside the ball that
 * fools them most: the largest margin of the criterion under their joint scores, of all points that the attack looked at.
 * It does not stop at a point that fools the surrogates; what fools them by far carries over more often.
 *
 * @throws {AppError} TEMPER_ATTACK_PARAMETER when the attack does not fit | TEMPER_ATTACK_SHAPE when the models do not
 */
export async function runTransfer(
  session: AttackSession,
  { inner, models, mean }: TransferOptions,
): Promise<{ readonly points: Float32Array; readonly has: (example: number) => boolean }> {
  const ensemble = ensembleOf(models, { mean });
  checkFit(session, inner, ensemble);
  const { target, keeper } = keepBest(session, ensemble);
  const rows = Int32Array.from(session.labels.keys());
  const cleanScores = await ensemble.scores({ inputs: session.originals, count: rows.length, rows });
  await inner.run({ ...session, target, cleanScores, nearest: () => Infinity });
  return { points: keeper.points, has: (example) => keeper.margins[example]! > -Infinity };
}

function checkFit(
  { target, threat }: AttackSession,
  { name, norms, kind }: TransferOptions['inner'],
  ensemble: GradientTarget,
): void {
  if (!norms.includes(threat.norm) || kind !== 'fixed-epsilon')
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `transfer: expected a recipe with a fixed epsilon that works in ${threat.norm}, got ${name}`,
    );
  if (ensemble.classes !== target.classes || ensemble.inputShape.join() !== target.inputShape.join())
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `transfer: expected surrogates from ${target.inputShape.join('×')} to ${target.classes} classes, as the target, got ${ensemble.inputShape.join('×')} to ${ensemble.classes}`,
    );
}

/** The ensemble as the inner attack sees it: what it asks about is made feasible first, and the best points are kept. */
function keepBest(session: AttackSession, ensemble: GradientTarget) {
  const { originals, labels, features, threat, feasible } = session;
  const margin = namedLoss('margin', { ...session, target: ensemble });
  const measure = measureOf(threat, features);
  const keeper = {
    points: originals.slice(),
    margins: new Float64Array(labels.length).fill(-Infinity),
  };
  const [low, high] = threat.range;
  const isInside = (values: Float32Array, example: number, row: number): boolean =>
    measure({ values: originals, row: example }, { values, row }) <= threat.epsilon &&
    values.subarray(row * features, (row + 1) * features).every((x) => x >= low && x <= high);
  const note = (batch: Batch, scores: Float32Array): void => {
    const { values } = margin(scores, batch);
    for (let i = 0; i < batch.count; i++) {
      const example = batch.rows[i]!;
      if (!(values[i]! > keeper.margins[example]!) || !isInside(batch.inputs, example, i)) continue;
      keeper.margins[example] = values[i]!;
      keeper.points.set(batch.inputs.subarray(i * features, (i + 1) * features), example * features);
    }
  };
  const settled = (batch: Batch): Batch => {
    const inputs = batch.inputs.slice();
    feasible({ values: inputs, rows: batch.rows, count: batch.count });
    return { ...batch, inputs };
  };
  const target: GradientTarget = {
    inputShape: ensemble.inputShape,
    classes: ensemble.classes,
    async scores(batch) {
      const asked = settled(batch);
      const scores = await ensemble.scores(asked);
      note(asked, scores);
      return scores;
    },
    async gradient(batch, loss) {
      const asked = settled(batch);
      const answer = await ensemble.gradient(asked, loss);
      note(asked, answer.scores);
      return answer;
    },
  };
  return { target, keeper };
}
