import { AppError } from '../../domain/errors.ts';
import type { Batch, GradientTarget } from '../../domain/target.ts';
import type { AttackSession, BoundAttack } from '../attack.ts';
import { watchMargins } from '../margin-watch.ts';
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
  const watch = watchMargins({ ...session, target: ensemble });
  const target = feasibly(watch.target, session.feasible);
  const rows = Int32Array.from(session.labels.keys());
  const cleanScores = await ensemble.scores({ inputs: session.originals, count: rows.length, rows });
  await inner.run({ ...session, target, cleanScores, nearest: () => Infinity });
  return { points: watch.points, has: (example) => watch.margins[example]! > -Infinity };
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

/** The target asked about points that were made feasible first, as the attacked one does. */
function feasibly(target: GradientTarget, feasible: AttackSession['feasible']): GradientTarget {
  const settled = (batch: Batch): Batch => {
    const inputs = batch.inputs.slice();
    feasible({ values: inputs, rows: batch.rows, count: batch.count });
    return { ...batch, inputs };
  };
  return {
    inputShape: target.inputShape,
    classes: target.classes,
    scores: (batch) => target.scores(settled(batch)),
    gradient: (batch, loss) => target.gradient(settled(batch), loss),
  };
}
