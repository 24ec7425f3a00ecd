import type { AttackAids } from '../attacks/attack.ts';
import { bisect } from '../attacks/bisect.ts';
import { findAttack } from '../attacks/catalogue.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Recipe } from '../domain/recipe.ts';
import { predictedClass, type GradientTarget, type ScoreTarget } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { defineTask, type Task } from '../engine/task.ts';
import { createAids } from './aids.ts';
import { attackBatch, type AttackedBatch } from './attack-batch.ts';
import { identityOf, loadTarget } from './load-target.ts';

/** Some examples and a model to ask about them, as plain data. */
export interface ScoreShardInput {
  readonly model: ModelRef;
  /** Shape [n, features]. */
  readonly inputs: Float32Array;
  readonly count: number;
}

export interface AttackShardInput {
  readonly model: ModelRef;
  readonly recipe: Recipe;
  /** Shape [n, features]. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  /** Class to get to, shape [n]; for a targeted criterion that names none. */
  readonly targets?: Int32Array;
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Scores of the inputs where they are known, shape [n, classes]. */
  readonly cleanScores?: Float32Array;
  /** As for `attackBatch`. */
  readonly stopsAtFirstSuccess?: boolean;
}

export interface AttackAndRefineInput extends AttackShardInput {
  /** Halvings between original and adversarial. */
  readonly bisectionSteps: number;
}

/** What an attack found, and the same moved as near to the originals as the model still errs. Arrays are indexed by row. */
export interface RefinedBatch {
  readonly success: Uint8Array;
  readonly adversarial: Float32Array;
  readonly distance: Float32Array;
  readonly refined: Float32Array;
  readonly refinedDistance: Float32Array;
  /** Class of the model on the unchanged input. */
  readonly replicaClass: Int32Array;
  /** Those of the bisection included. */
  readonly forwardQueries: Uint32Array;
  readonly gradientQueries: Uint32Array;
}

/** Scores of a shard, shape [n, classes]. */
export const scoreShard: Task<ScoreShardInput, Float32Array> = defineTask(__filename, 'runScoreShard');

export interface CertifyShardInput {
  readonly model: ModelRef;
  /** Shape [n, features]. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  readonly threat: ThreatModel;
}

/** 1 where no point within the threat model is misread, provably; undefined when the network or the threat model has no bounds. */
export const certifyShard: Task<CertifyShardInput, Uint8Array | undefined> = defineTask(
  __filename,
  'runCertifyShard',
);

/** One recipe on one shard. */
export const attackShard: Task<AttackShardInput, AttackedBatch> = defineTask(__filename, 'runAttackShard');

/** One recipe on one shard, then bisection: what probing needs. */
export const attackAndRefine: Task<AttackAndRefineInput, RefinedBatch> = defineTask(
  __filename,
  'runAttackAndRefine',
);

export async function runScoreShard({ model, inputs, count }: ScoreShardInput): Promise<Float32Array> {
  const target = await loadTarget(model);
  return target.scores({ inputs, count, rows: Int32Array.from({ length: count }, (_, i) => i) });
}

export async function runCertifyShard({
  model,
  inputs,
  labels,
  threat,
}: CertifyShardInput): Promise<Uint8Array | undefined> {
  const [{ readArtifact }, { createCertifier }] = await Promise.all([
    import('../models/artifact.ts'),
    import('../models/certificates/certify.ts'),
  ]);
  const certifier = await createCertifier(await readArtifact(model.path), threat);
  return certifier?.certify(inputs, labels);
}

export async function runAttackShard({ model, ...rest }: AttackShardInput): Promise<AttackedBatch> {
  const target = await loadTarget(model);
  return attackBatch({ ...rest, target, aids: createAids(target, identityOf(model)) });
}

export async function runAttackAndRefine({ model, ...rest }: AttackAndRefineInput): Promise<RefinedBatch> {
  const target = await loadTarget(model);
  return attackAndRefineOn(target, { ...rest, aids: createAids(target, identityOf(model)) });
}

/** The work of `attackAndRefine` on any target. */
export async function attackAndRefineOn(
  target: ScoreTarget | GradientTarget,
  { bisectionSteps, ...attack }: Omit<AttackAndRefineInput, 'model'> & { readonly aids?: AttackAids },
): Promise<RefinedBatch> {
  const attacked = await attackBatch({ ...attack, target });
  const { success, adversarial, distance, cleanScores } = attacked;
  const { labels, inputs: originals, threat } = attack;
  // Half a turn is no mean of two pictures: what has limits of its own stays as it was found.
  const refined =
    findAttack(attack.recipe.attack).limits === 'own'
      ? { adversarial, distance, forwardQueries: new Uint32Array(labels.length) }
      : await bisect({
          target,
          originals,
          adversarial,
          success,
          labels,
          threat,
          targets: attack.targets,
          steps: bisectionSteps,
        });
  return {
    success,
    adversarial,
    distance,
    refined: refined.adversarial,
    refinedDistance: refined.distance,
    replicaClass: labels.map((_, row) => predictedClass(cleanScores, target.classes, row)),
    forwardQueries: attacked.forwardQueries.map((spent, row) => spent + refined.forwardQueries[row]!),
    gradientQueries: attacked.gradientQueries,
  };
}
