import { createJudge } from '../domain/criterion.ts';
import { recipeId, type Recipe } from '../domain/recipe.ts';
import { createRng } from '../domain/rng.ts';
import { featureCount, type GradientTarget, type ScoreTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { AttackAids, AttackSession } from './attack.ts';
import { constrainedTarget } from './constraints/constrained-target.ts';
import { createThreatBall, feasibilityOf } from './constraints/threat-ball.ts';

export interface SessionOptions {
  readonly recipe: Recipe;
  readonly target: ScoreTarget | GradientTarget;
  readonly originals: Float32Array;
  readonly labels: Int32Array;
  /** Class to get to, shape [count], for a targeted criterion that names none. */
  readonly targets?: Int32Array;
  readonly cleanScores: Float32Array;
  /** Points to begin from, shape [count, features]; one that turns out not to be adversarial is passed over. */
  readonly starts?: Float32Array;
  /** Identity of each example; with seed and recipe it decides every random draw. */
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Whether the target is only to be asked about points inside the ball; matters under constraints. Default true. */
  readonly staysInBall?: boolean;
  readonly isLive: (example: number) => boolean;
  readonly nearest: (example: number) => number;
  readonly aids?: AttackAids;
}

export function createSession(options: SessionOptions): AttackSession {
  const { originals, labels, targets, cleanScores, threat, ids, seed, isLive, nearest } = options;
  const { staysInBall = true } = options;
  const features = featureCount(options.target.inputShape);
  const recipe = recipeId(options.recipe);
  const examples = { originals, features };
  const epsilon = staysInBall ? threat.epsilon : undefined;
  const feasibility = feasibilityOf({ ...threat, epsilon }, examples);
  const target =
    feasibility === undefined
      ? options.target
      : constrainedTarget(options.target, { ...feasibility, features });
  return {
    target,
    features,
    originals,
    labels,
    cleanScores,
    ...(options.starts === undefined ? {} : { starts: options.starts }),
    ...(options.aids === undefined ? {} : { aids: options.aids }),
    threat,
    ball: createThreatBall(threat, examples),
    feasible: feasibility?.makeFeasible ?? (() => undefined),
    judge: createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets }),
    isLive,
    nearest,
    liveRows: () => Int32Array.from(labels.keys()).filter(isLive),
    rng: (example, ...stream) => createRng(seed, ids[example]!, recipe, ...stream),
  };
}
