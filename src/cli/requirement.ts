import { AppError } from '../domain/errors.ts';

type Operator = '>=' | '<=' | '==' | '>' | '<';

/** `worst_case.lower >= 0.85`: a figure of a result, and what it must be. */
export interface Requirement {
  readonly text: string;
  readonly path: readonly string[];
  readonly operator: Operator;
  readonly limit: number | string;
}

export interface RequirementOutcome {
  readonly requirement: Requirement;
  readonly met: boolean;
  /** Undefined when the result does not have the figure; such a requirement is not met. */
  readonly got: number | string | boolean | undefined;
}

/**
 * Parses `path operator value`. Paths are keys of result.json joined by dots; entries of `attacks` go by the name of their
 * recipe: `attacks.apgd-ce.robust_accuracy.lower > 0.7`, `masking == none`.
 *
 * @throws {AppError} TEMPER_USAGE
 */
export function parseRequirement(text: string): Requirement {
  const parts = /^\s*([\w.-]+)\s*(>=|<=|==|>|<)\s*(\S+)\s*$/.exec(text);
  const [, path, operator, value] = parts ?? [];
  if (path === undefined || operator === undefined || value === undefined || path.split('.').includes(''))
    throw new AppError(
      'TEMPER_USAGE',
      `expected a requirement like 'worst_case.lower >= 0.85', got '${text}'`,
    );
  const number = Number(value);
  if (Number.isNaN(number) && operator !== '==')
    throw new AppError('TEMPER_USAGE', `expected a number after ${operator} in '${text}', got '${value}'`);
  // The pattern allows no other operator.
  return {
    text: text.trim(),
    path: path.split('.'),
    operator: operator as Operator,
    limit: Number.isNaN(number) ? value : number,
  };
}

export function checkRequirement(requirement: Requirement, result: unknown): RequirementOutcome {
  const found = requirement.path.reduce(memberOf, result);
  const got =
    typeof found === 'number' || typeof found === 'string' || typeof found === 'boolean' ? found : undefined;
  return { requirement, got, met: got !== undefined && holds(got, requirement) };
}

function memberOf(value: unknown, key: string): unknown {
  if (Array.isArray(value))
    return value.find((entry: unknown) => (entry as { recipe?: unknown } | null)?.recipe === key) as unknown;
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
}

function holds(got: number | string | boolean, { operator, limit }: Requirement): boolean {
  if (operator === '==') return String(got) === String(limit);
  if (typeof got !== 'number' || typeof limit !== 'number') return false;
  switch (operator) {
    case '>=':
      return got >= limit;
    case '<=':
      return got <= limit;
    case '>':
      return got > limit;
    case '<':
      return got < limit;
  }
}
