import type { Criterion } from '../../domain/criterion.ts';
import { AppError } from '../../domain/errors.ts';

export interface CriterionSubject {
  readonly classes: number;
  /** Whether a target is given with each example. */
  readonly hasTargets: boolean;
}

/**
 * Everything about a criterion that does not fit a model, in words; empty when it fits. What needs no model (an integer, a
 * square matrix of finite numbers) is the schema's business.
 */
export function criterionMistakes(criterion: Criterion, { classes, hasTargets }: CriterionSubject): string[] {
  const isClass = (k: number): boolean => Number.isInteger(k) && k >= 0 && k < classes;
  const expectation = `expected classes 0 to ${classes - 1}`;
  const mistakes: string[] = [];
  const { reject } = criterion;
  if (reject !== undefined && 'class' in reject && !isClass(reject.class))
    mistakes.push(`reject.class: ${expectation}, got ${reject.class}`);
  if (criterion.kind === 'targeted')
    mistakes.push(...targetMistakes(criterion.target, { classes, hasTargets, isClass }));
  if (criterion.kind === 'top-k' && criterion.k >= classes)
    mistakes.push(`k: expected less than the ${classes} classes of the model, got ${criterion.k}`);
  if (criterion.kind === 'costly' && !isSquare(criterion.costs, classes))
    mistakes.push(`costs: expected ${classes} rows of ${classes} costs, one for each class`);
  return mistakes;
}

function targetMistakes(
  target: number | readonly number[] | undefined,
  { classes, hasTargets, isClass }: CriterionSubject & { readonly isClass: (k: number) => boolean },
): string[] {
  if (target === undefined)
    return hasTargets
      ? []
      : ['target: expected a class, one class for each label, or targets with the examples'];
  const targets = typeof target === 'number' ? [target] : target;
  if (typeof target !== 'number' && target.length !== classes)
    return [`target: expected one class for each of ${classes} labels, got ${target.length}`];
  const bad = targets.find((k) => !isClass(k));
  return bad === undefined ? [] : [`target: expected classes 0 to ${classes - 1}, got ${bad}`];
}

function isSquare(costs: readonly (readonly number[])[], side: number): boolean {
  return costs.length === side && costs.every((row) => row.length === side);
}

/** @throws {AppError} TEMPER_ATTACK_PARAMETER with every mistake */
export function assertCriterionFits(criterion: Criterion, subject: CriterionSubject): void {
  const mistakes = criterionMistakes(criterion, subject);
  if (mistakes.length > 0)
    throw new AppError('TEMPER_ATTACK_PARAMETER', `Criterion ${criterion.kind}: ${mistakes.join('; ')}.`);
}
