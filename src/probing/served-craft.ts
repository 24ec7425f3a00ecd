import { AppError, hasCode } from '../domain/errors.ts';
import { createTargetRunner } from '../evaluation/task-runner.ts';
import { attackAndRefine } from '../evaluation/tasks.ts';
import { servedTarget, type ServedModel } from '../models/served.ts';
import type { Craft } from './prober.ts';

/**
 * Crafting on the served model itself, for recipes that need scores or decisions alone: each question is a query that
 * somebody pays for, within the recipe's budget, and paced like every other.
 *
 * @throws {AppError} retryable, also when the server refuses an input of the attack's: which one is not known, so the
 *   samples wait, and expire if it stays so
 */
export function createServedCraft(served: ServedModel): Craft {
  const runner = createTargetRunner(servedTarget(served), 'served');
  return async (request) => {
    try {
      return await runner.run(attackAndRefine, request);
    } catch (caught) {
      if (!hasCode(caught, 'TEMPER_TARGET_REJECTED') && !hasCode(caught, 'TEMPER_TARGET_MALFORMED'))
        throw caught;
      throw new AppError(
        'TEMPER_TARGET_UNREACHABLE',
        'expected the served model to answer every input of an attack within the valid range, but it refused one: waiting',
        { retryable: true, cause: caught },
      );
    }
  };
}
