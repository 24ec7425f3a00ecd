import type { z } from 'zod';
import type { Judge } from '../domain/criterion.ts';
import { AppError } from '../domain/errors.ts';
import type { Parameter } from '../domain/recipe.ts';
import type { Rng } from '../domain/rng.ts';
import type { GradientTarget, ScoreTarget } from '../domain/target.ts';
import type { Access, Norm, ThreatModel } from '../domain/threat-model.ts';
import type { Ball, Points } from './norms/ball.ts';

/** Everything an attack works with while it attacks one batch. What it finds is remembered by the target it asks. */
export interface AttackSession {
  /** Metered: each answer is counted, and a success is remembered. */
  readonly target: ScoreTarget | GradientTarget;
  readonly features: number;
  /** The examples that are attacked, shape [count, features], finite and inside the range. */
  readonly originals: Float32Array;
  /** Class to get away from, shape [count]. */
  readonly labels: Int32Array;
  /** Scores of the originals, shape [count, classes]. */
  readonly cleanScores: Float32Array;
  /** Points to begin from for attacks that need one that is adversarial already, shape [count, features]. */
  readonly starts?: Float32Array;
  readonly threat: ThreatModel;
  /**
   * Where the adversary may go. Under constraints it is that of the relaxed problem: `project` keeps to bounds, directions,
   * scales and immutable features, and leaves whole numbers and one-hot groups in between, so that small steps add up.
   */
  readonly ball: Ball;
  /**
   * Moves proposed points, in place, to feasible ones near by: those that the threat model's constraints allow and, for
   * attacks with a fixed epsilon, that lie inside the ball. Does nothing without constraints. The target does the same to
   * whatever it is asked, so an attack need not call it; one that keeps a point of its own (the end of a bisection, an
   * incumbent) calls it to know which point was really asked about.
   */
  readonly feasible: (points: Points) => void;
  /** What counts as success; `namedLoss(name, session)` is a loss that leads there. */
  readonly judge: Judge;
  /** Whether an example still wants work. Rows that do not are dropped: asking for them is refused. */
  readonly isLive: (example: number) => boolean;
  /** Distance of the nearest adversarial of an example so far; Infinity where none was seen. */
  readonly nearest: (example: number) => number;
  /** Indexes of the examples that still want work, ascending. */
  readonly liveRows: () => Int32Array;
  /** Draws of one example, equal whatever else is in the batch: seeded by (seed, id, recipe, stream). */
  readonly rng: (example: number, ...stream: (string | number)[]) => Rng;
}

/**
 * Fixed epsilon: any success inside the ball ends the work. Minimum norm: the nearest adversarial is looked for, however
 * far it is, so that one run answers every epsilon.
 */
export type AttackKind = 'fixed-epsilon' | 'minimum-norm';

export type ParameterSchema = z.ZodObject<Record<string, z.ZodType<Parameter | undefined>>>;

export interface AttackDescription {
  /** Key of the catalogue: `pgd`. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** The least access that it needs. */
  readonly access: Access;
  readonly norms: readonly Norm[];
  readonly kind: AttackKind;
  /** MITRE ATLAS technique and NIST AI 100-2 class. */
  readonly threatClass: string;
  /** Every key is described and has a default, or is optional. */
  readonly parameters: ParameterSchema;
}

export interface AttackDefinition extends AttackDescription {
  /** Checks parameters and binds them. @throws {AppError} TEMPER_ATTACK_PARAMETER */
  readonly prepare: (
    parameters: Readonly<Record<string, unknown>>,
  ) => (session: AttackSession) => Promise<void>;
}

/** MITRE ATLAS technique and NIST AI 100-2 class, by what the adversary sees. */
export const THREAT_CLASSES = {
  whiteBox: 'ATLAS AML.T0043.000 white-box optimization · NIST AI 100-2 NISTAML.022 evasion',
  blackBox: 'ATLAS AML.T0043.001 black-box optimization · NIST AI 100-2 NISTAML.025 black-box evasion',
} as const;

/** Puts a schema and a function of its parsed parameters together, so that the rest of the code needs no types of parameters. */
export function defineAttack<S extends ParameterSchema>(
  description: AttackDescription & {
    readonly parameters: S;
    readonly run: (session: AttackSession, parameters: z.infer<S>) => Promise<void>;
  },
): AttackDefinition {
  const { run, ...rest } = description;
  return {
    ...rest,
    prepare(given) {
      const parameters = parseParameters(description, given) as z.infer<S>; // the schema's own output
      return (session) => run(session, parameters);
    },
  };
}

/**
 * Parameters with their defaults filled in.
 * @throws {AppError} TEMPER_ATTACK_PARAMETER, naming each wrong parameter and what it may be
 */
export function parseParameters(
  { name, parameters }: Pick<AttackDescription, 'name' | 'parameters'>,
  given: Readonly<Record<string, unknown>>,
): Record<string, Parameter> {
  const parsed = parameters.safeParse(given);
  if (parsed.success) return withoutUndefined(parsed.data);
  const mistakes = parsed.error.issues.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  throw new AppError(
    'TEMPER_ATTACK_PARAMETER',
    `Parameters of attack ${name}: ${mistakes.join('; ')}. It takes ${Object.keys(parameters.shape).join(', ')}.`,
  );
}

function withoutUndefined(values: Record<string, Parameter | undefined>): Record<string, Parameter> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Parameter] => entry[1] !== undefined),
  );
}
