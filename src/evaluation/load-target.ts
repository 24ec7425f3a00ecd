import { declareDefences } from '../attacks/defences.ts';
import { AppError } from '../domain/errors.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import { hasGradient, type GradientTarget } from '../domain/target.ts';

/**
 * The model of a task with the preprocessing that was declared for it. Loaded only where a task runs: whoever merely
 * names a task must not load a compute engine.
 *
 * @throws {AppError} what loading a model throws | TEMPER_ATTACK_PARAMETER | TEMPER_ATTACK_SHAPE for a defence that does not fit
 */
export async function loadTarget(model: ModelRef): Promise<GradientTarget> {
  const { replicaOf } = await import('../models/replica.ts');
  const target = declareDefences(await replicaOf(model), model.defences ?? []);
  if (hasGradient(target)) return target;
  throw new AppError('TEMPER_ATTACK_ACCESS', 'expected a model with gradients');
}

/** What tells one target from another within a process. */
export function identityOf({ sha256, defences = [] }: ModelRef): string {
  return [sha256, ...defences].join(' ');
}
