import type { Criterion } from '../../domain/criterion.ts';
import { AppError } from '../../domain/errors.ts';

export interface CriterionSubject {
  readonly classes: number;
  /** Whether a target is given with each example. */
  readonly hasTargets: boolean;
}

/** What is wrong with a criterion, with the path inside it. */
export interface CriterionMistake {
  readonly path: readonly (string | number)[];
  readonly expected: string;
  readonly got: string;
}

/**
 * Everything about a criterion that does not fit a model; empty when it fits. What needs no model (whole numbers, a
 * confidence up to 1) is the schema's business.
 */
export function criterionMistakes(criterion: Criterion, subject: CriterionSubject): CriterionMistake[] {
  const { classes } = subject;
  const mistakes: CriterionMistake[] = [];
  const { reject } = criterion;
  if (reject !== undefined && 'class' in reject)
    mistakes.push(...classMistakes([reject.class], ['reject', 'class'], classes));
  if (criterion.kind === 'targeted') mistakes.push(...targetMistakes(criterion.target, subject));
  if (criterion.kind === 'top-k' && criterion.k >= classes)
    mistakes.push({
      path: ['k'],
      expected: `less than the ${classes} classes of the model`,
      got: `${criterion.k}`,
    });
  if (criterion.kind === 'costly' && !isSquare(criterion.costs, classes))
    mistakes.push({
      path: ['costs'],
      expected: `${classes} rows of ${classes} costs, one for each class`,
      got: `rows of ${criterion.costs.map((row) => row.length).join(', ')} costs`,
    });
  return mistakes;
}

function targetMistakes(
  target: number | readonly number[] | undefined,
  { classes, hasTargets }: CriterionSubject,
): CriterionMistake[] {
  const path = ['target'];
  if (target === undefined)
    return hasTargets
      ? []
      : [{ path, expected: 'a class, or a list with one class for each label', got: 'nothing' }];
  if (typeof target === 'number') return classMistakes([target], path, classes);
  if (target.length !== classes)
    return [{ path, expected: `one class for each of the ${classes} labels`, got: `${target.length}` }];
  return classMistakes(target, path, classes);
}

function classMistakes(
  given: readonly number[],
  path: readonly string[],
  classes: number,
): CriterionMistake[] {
  const bad = given.find((k) => !(Number.isInteger(k) && k >= 0 && k < classes));
  return bad === undefined ? [] : [{ path, expected: `a class from 0 to ${classes - 1}`, got: `${bad}` }];
}

function isSquare(costs: readonly (readonly number[])[], side: number): boolean {
  return costs.length === side && costs.every((row) => row.length === side);
}

/** @throws {AppError} TEMPER_ATTACK_PARAMETER with every mistake */
export function assertCriterionFits(criterion: Criterion, subject: CriterionSubject): void {
  const mistakes = criterionMistakes(criterion, subject).map(
    ({ path, expected, got }) => `${path.join('.')}: expected ${expected}, got ${got}`,
  );
  if (mistakes.length > 0)
    throw new AppError('TEMPER_ATTACK_PARAMETER', `Criterion ${criterion.kind}: ${mistakes.join('; ')}.`);
}
