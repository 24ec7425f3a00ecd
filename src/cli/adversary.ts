import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { constraintsConfigSchema, criterionSchema } from '../attacks/config.ts';
import { resolveConstraints } from '../attacks/constraints/resolve.ts';
import { criterionMistakes } from '../attacks/criteria/check.ts';
import type { Constraints } from '../domain/constraints.ts';
import type { Criterion, Rejection } from '../domain/criterion.ts';
import { AppError, toError } from '../domain/errors.ts';
import { featureCount } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';

/** What the command line says of the adversary beyond norm and epsilon. */
export interface AdversaryOptions {
  readonly range?: readonly [number, number];
  readonly criterion?: string;
  readonly reject?: string;
  readonly constraints?: string;
}

interface Subject {
  readonly inputShape: readonly number[];
  readonly classes: number;
}

/**
 * Range, criterion and constraints of a threat model from flags. A criterion is `misclassified`, `targeted:<class>`,
 * `top-k:<k>`, or a file (YAML or JSON) with what `threatModel.criterion` of the configuration takes; constraints are a
 * file with what `threatModel.constraints` takes.
 *
 * @throws {AppError} TEMPER_USAGE with every mistake of what does not fit
 */
export async function adversaryOf(
  options: AdversaryOptions,
  { cwd, subject }: { readonly cwd: string; readonly subject: Subject },
): Promise<Pick<ThreatModel, 'range' | 'criterion' | 'constraints'>> {
  const range = options.range ?? [0, 1];
  const criterion = await readCriterion(options, cwd);
  const unfit =
    criterion === undefined
      ? []
      : criterionMistakes(criterion, { classes: subject.classes, hasTargets: false });
  if (unfit.length > 0) throw usage('--criterion', unfit);
  const constraints = await readConstraints(options.constraints, { cwd, subject, range });
  return {
    range,
    ...(criterion === undefined ? {} : { criterion }),
    ...(constraints === undefined ? {} : { constraints }),
  };
}

async function readCriterion(
  { criterion, reject }: AdversaryOptions,
  cwd: string,
): Promise<Criterion | undefined> {
  if (criterion === undefined && reject === undefined) return undefined;
  const given = criterion === undefined ? { kind: 'misclassified' } : await criterionNamed(criterion, cwd);
  const whole = reject === undefined ? given : { ...(given as object), reject: rejectionOf(reject) };
  const parsed = criterionSchema.safeParse(whole);
  if (!parsed.success) throw usage('--criterion', mistakesOf(parsed.error.issues));
  const isPlain = parsed.data.kind === 'misclassified' && parsed.data.reject === undefined;
  return isPlain ? undefined : parsed.data;
}

async function criterionNamed(text: string, cwd: string): Promise<unknown> {
  if (text === 'misclassified') return { kind: 'misclassified' };
  const [, kind, value] = /^(targeted|top-k):(\d+)$/.exec(text) ?? [];
  if (kind === 'targeted') return { kind, target: Number(value) };
  if (kind === 'top-k') return { kind, k: Number(value) };
  return readYaml('--criterion', text, cwd);
}

function rejectionOf(text: string): Rejection {
  const [, index] = /^class:(\d+)$/.exec(text) ?? [];
  return index === undefined ? { confidence: Number(text) } : { class: Number(index) };
}

async function readConstraints(
  file: string | undefined,
  { cwd, subject, range }: { cwd: string; subject: Subject; range: readonly [number, number] },
): Promise<Constraints | undefined> {
  if (file === undefined) return undefined;
  const parsed = constraintsConfigSchema.safeParse(await readYaml('--constraints', file, cwd));
  if (!parsed.success) throw usage('--constraints', mistakesOf(parsed.error.issues));
  const { constraints, mistakes } = resolveConstraints(parsed.data, {
    features: featureCount(subject.inputShape),
    range,
  });
  if (mistakes.length > 0) throw usage('--constraints', mistakes);
  return Object.keys(constraints).length === 0 ? undefined : constraints;
}

async function readYaml(flag: string, file: string, cwd: string): Promise<unknown> {
  const { parse } = await import('yaml');
  const path = resolve(cwd, file);
  try {
    return parse(readFileSync(path, 'utf8')) as unknown;
  } catch (caught) {
    const forms = flag === '--criterion' ? 'misclassified, targeted:<class>, top-k:<k> or ' : '';
    throw new AppError(
      'TEMPER_USAGE',
      `${flag}: expected ${forms}a YAML or JSON file that can be read, got ${file}: ${toError(caught).message}`,
    );
  }
}

interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly got: string;
}

function mistakesOf(issues: readonly { path: readonly PropertyKey[]; message: string }[]): Mistake[] {
  return issues.map(({ path, message }) => ({ path, expected: message, got: 'something else' }));
}

function usage(flag: string, mistakes: readonly Mistake[]): AppError {
  const lines = mistakes.map(
    ({ path, expected, got }) =>
      `${path.map(String).join('.') || 'the whole'}: expected ${expected}, got ${got}`,
  );
  return new AppError('TEMPER_USAGE', `${flag}: ${lines.join('; ')}`);
}
