import { recipeId, type Recipe } from '../domain/recipe.ts';
import { createRng } from '../domain/rng.ts';
import { featureCount, type GradientTarget, type ScoreTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { AttackSession } from './attack.ts';
import { createBall } from './norms/create-ball.ts';

export interface SessionOptions {
  readonly recipe: Recipe;
  readonly target: ScoreTarget | GradientTarget;
  readonly originals: Float32Array;
  readonly labels: Int32Array;
  readonly cleanScores: Float32Array;
  /** Identity of each example; with seed and recipe it decides every random draw. */
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly isLive: (example: number) => boolean;
  readonly nearest: (example: number) => number;
}

export function createSession(options: SessionOptions): AttackSession {
  const { target, originals, labels, cleanScores, threat, ids, seed, isLive, nearest } = options;
  const features = featureCount(target.inputShape);
  const { epsilon, range, norm } = threat;
  const recipe = recipeId(options.recipe);
  return {
    target,
    features,
    originals,
    labels,
    cleanScores,
    threat,
    ball: createBall(norm, { originals, features, epsilon, range }),
    isLive,
    nearest,
    liveRows: () => Int32Array.from(labels.keys()).filter(isLive),
    rng: (example, ...stream) => createRng(seed, ids[example]!, recipe, ...stream),
  };
}
