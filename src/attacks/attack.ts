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
  /** Other models, files and data, for attacks that need them; absent where attacks run on a bare target. */
  readonly aids?: AttackAids;
  /** Draws of one example, equal whatever else is in the batch: seeded by (seed, id, recipe, stream). */
  readonly rng: (example: number, ...stream: (string | number)[]) => Rng;
}

/** What some attacks need beyond a target: other models, files, other examples. Whoever runs attacks gives it. */
export interface AttackAids {
  /** The attacked target itself, not counted: for what is prepared once, on other examples than the attacked ones. */
  readonly target: ScoreTarget | GradientTarget;
  /** Arrays of a NumPy archive, by name. @param reference path, with the hash of its content where that is known */
  arrays(reference: string): Promise<ReadonlyMap<string, NamedArray>>;
  /** Models to take gradients of. @param references folders, with the hash of their content where that is known */
  surrogates(references: readonly string[]): Promise<readonly GradientTarget[]>;
  /** The first rows of a data set. */
  examples(
    name: string,
    rows: number,
  ): Promise<{ readonly inputs: Float32Array; readonly labels: Int32Array }>;
  /** Another attack, with the parameters of a ready-made recipe. */
  attack(recipe: string): Promise<BoundAttack>;
  /** Makes something once for this target and key, however many batches ask for it. */
  once<T>(key: string, make: () => Promise<T>): Promise<T>;
}

export interface NamedArray {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** An attack with its parameters. */
export interface BoundAttack extends Pick<AttackDescription, 'name' | 'norms' | 'kind'> {
  readonly run: (session: AttackSession) => Promise<void>;
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
  /** Every key is described; but for names of files, models and data it has a default or is optional. */
  readonly parameters: ParameterSchema;
  /** What a perturbation is limited by. own: by its own parameters, whatever norm and epsilon are. Default: threat-model. */
  readonly limits?: 'threat-model' | 'own';
}

/** What an attack with limits of its own works with. The target is not metered: it counts itself. */
export interface ApartSession {
  readonly target: ScoreTarget;
  readonly originals: Float32Array;
  readonly labels: Int32Array;
  readonly targets?: Int32Array | undefined;
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly stopsAtFirstSuccess: boolean;
}

/** What it found, by example; distances are in its own unit. */
export interface ApartReading {
  readonly adversarial: Float32Array;
  readonly success: Uint8Array;
  readonly distance: Float32Array;
  readonly forwardQueries: Uint32Array;
  readonly gradientQueries: Uint32Array;
}

export interface AttackDefinition extends AttackDescription {
  /** Checks parameters and binds them. @throws {AppError} TEMPER_ATTACK_PARAMETER */
  readonly prepare: (
    parameters: Readonly<Record<string, unknown>>,
  ) => (session: AttackSession) => Promise<void>;
  /** Instead of `prepare`, for attacks with limits of their own. @throws {AppError} TEMPER_ATTACK_PARAMETER */
  readonly prepareApart?: (
    parameters: Readonly<Record<string, unknown>>,
  ) => (session: ApartSession) => Promise<ApartReading>;
}

/** MITRE ATLAS technique and NIST AI 100-2 class, by what the adversary sees. */
export const THREAT_CLASSES = {
  whiteBox: 'ATLAS AML.T0043.000 white-box optimization · NIST AI 100-2 NISTAML.022 evasion',
  blackBox: 'ATLAS AML.T0043.001 black-box optimization · NIST AI 100-2 NISTAML.025 black-box evasion',
  transfer: 'ATLAS AML.T0043.002 black-box transfer · NIST AI 100-2 NISTAML.025 black-box evasion',
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

/** The same for an attack with limits of its own. */
export function defineApartAttack<S extends ParameterSchema>({
  run,
  ...description
}: AttackDescription & {
  readonly parameters: S;
  readonly run: (session: ApartSession, parameters: z.infer<S>) => Promise<ApartReading>;
}): AttackDefinition {
  return {
    ...description,
    limits: 'own',
    prepare: () => () => Promise.reject(ownLimits(description.name)),
    prepareApart(given) {
      const parameters = parseParameters(description, given) as z.infer<S>; // the schema's own output
      return (session) => run(session, parameters);
    },
  };
}

function ownLimits(name: string): AppError {
  return new AppError(
    'TEMPER_ATTACK_PARAMETER',
    `attack ${name} has limits of its own and cannot be run inside those of a threat model`,
  );
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
