import type { AttackAids, AttackDefinition } from '../attacks/attack.ts';
import { findAttack } from '../attacks/catalogue.ts';
import { assertCriterionFits } from '../attacks/criteria/check.ts';
import { isCustom, loadCustomAttack } from '../attacks/custom.ts';
import { createSession } from '../attacks/session.ts';
import { AppError } from '../domain/errors.ts';
import type { Recipe } from '../domain/recipe.ts';
import {
  featureCount,
  hasGradient,
  type Batch,
  type GradientTarget,
  type ScoreTarget,
} from '../domain/target.ts';
import { ACCESSES, type Access, type ThreatModel } from '../domain/threat-model.ts';
import { createMeter, type MeterReading } from '../models/meter.ts';

export interface AttackBatchOptions {
  readonly recipe: Recipe;
  readonly target: ScoreTarget | GradientTarget;
  /** Shape [n, features], finite and inside the threat model's range. */
  readonly inputs: Float32Array;
  /** Class to get away from, shape [n]: the true one, or the one that the served model gives. */
  readonly labels: Int32Array;
  /** Class to get to, shape [n]; for a targeted criterion that names none. */
  readonly targets?: Int32Array;
  /**
   * Points inside the range from which attacks by decisions may begin, shape [n, features]: adversarials that are known
   * already, or other examples. Without them they look for one of their own.
   */
  readonly starts?: Float32Array;
  /** Identity of each example: with seed and recipe it decides every random draw. */
  readonly ids: readonly string[];
  readonly threat: ThreatModel;
  readonly seed: number;
  /** Scores of the inputs where they are known already, shape [n, classes]; saves one forward query per example. */
  readonly cleanScores?: Float32Array;
  /**
   * Whether an example is done at its first success within epsilon. Default: for attacks with a fixed epsilon, not for
   * those that look for the nearest adversarial. Whether an example falls does not depend on it, its distance does.
   */
  readonly stopsAtFirstSuccess?: boolean;
  /** Other models, files and data, for the attacks that need them. */
  readonly aids?: AttackAids;
}

/** What a recipe did to a batch; arrays are indexed by example. */
export interface AttackedBatch extends MeterReading {
  /** Scores of the unchanged inputs, shape [n, classes]. */
  readonly cleanScores: Float32Array;
}

/**
 * Runs one recipe on one batch. An input that the target misreads as it is counts as a success at distance 0 and is not
 * attacked. Results depend on an example's own content and id, not on who else is in the batch or in which order.
 * Attacks with a fixed epsilon report nothing outside it. Those that look for the nearest adversarial report that one and
 * its distance wherever it lies, and success where the distance is at most epsilon.
 *
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER | TEMPER_ATTACK_ACCESS | TEMPER_ATTACK_SHAPE
 */
export async function attackBatch(options: AttackBatchOptions): Promise<AttackedBatch> {
  const { recipe, target, inputs, labels, threat } = options;
  const attack = isCustom(recipe.attack) ? await loadCustomAttack(recipe.attack) : findAttack(recipe.attack);
  if (attack.prepareApart !== undefined) return attackApart(options, attack);
  const run = attack.prepare(recipe.parameters);
  checkAccess(attack, options);
  checkNorm(attack, threat);
  checkInputs(options);
  checkCriterion(options);
  const meter = createMeter({
    target,
    inputs,
    labels,
    targets: options.targets,
    threat,
    radius: attack.kind === 'minimum-norm' ? Infinity : threat.epsilon,
    stopsAtFirstSuccess: attack.kind === 'fixed-epsilon' || options.stopsAtFirstSuccess === true,
  });
  if (options.cleanScores !== undefined) meter.observeOriginals(options.cleanScores);
  const rows = Int32Array.from(labels.keys());
  const cleanScores =
    options.cleanScores ?? (await meter.target.scores({ inputs, count: rows.length, rows }));
  if (threat.epsilon > 0) {
    await run(
      createSession({
        ...options,
        target: meter.target,
        originals: inputs,
        cleanScores,
        staysInBall: attack.kind === 'fixed-epsilon',
        isLive: meter.isLive,
        nearest: meter.nearest,
      }),
    );
  }
  return { ...meter.reading(), cleanScores };
}

/** An attack with limits of its own: norm and epsilon say nothing, and distances are in its own unit. */
async function attackApart(options: AttackBatchOptions, attack: AttackDefinition): Promise<AttackedBatch> {
  const { recipe, target, inputs, labels, threat, targets, ids, seed } = options;
  const run = attack.prepareApart!(recipe.parameters);
  checkAccess(attack, options);
  checkInputs(options);
  checkCriterion(options);
  const rows = Int32Array.from(labels.keys());
  const cleanScores = options.cleanScores ?? (await scoresOf(target, { inputs, count: rows.length, rows }));
  const stopsAtFirstSuccess = options.stopsAtFirstSuccess ?? true;
  const reading = await run({
    target,
    originals: inputs,
    labels,
    targets,
    ids,
    threat,
    seed,
    stopsAtFirstSuccess,
  });
  return { ...reading, cleanScores };
}

/** No rows are asked of nobody. */
function scoresOf(target: ScoreTarget, batch: Batch): Promise<Float32Array> {
  return batch.count === 0 ? Promise.resolve(new Float32Array()) : target.scores(batch);
}

function checkAccess(attack: AttackDefinition, { target, threat }: AttackBatchOptions): void {
  const offered: Access = hasGradient(target) ? 'gradients' : 'scores';
  for (const [who, access] of [
    ['the target gives', offered],
    ['the threat model grants', threat.access],
  ] as const) {
    if (ACCESSES.indexOf(access) <= ACCESSES.indexOf(attack.access)) continue;
    throw new AppError(
      'TEMPER_ATTACK_ACCESS',
      `attack ${attack.name} needs ${attack.access}, ${who} only ${access}`,
    );
  }
}

function checkNorm({ name, norms }: AttackDefinition, { norm, epsilon }: ThreatModel): void {
  if (!norms.includes(norm))
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `attack ${name} works in ${norms.join(', ')}, the threat model asks for ${norm}`,
    );
  if (!(epsilon >= 0 && epsilon < Infinity))
    throw new AppError('TEMPER_ATTACK_PARAMETER', `expected an epsilon of 0 or more, got ${epsilon}`);
}

function checkCriterion({
  target: { classes },
  labels,
  targets,
  threat: { criterion },
}: AttackBatchOptions): void {
  if (criterion !== undefined) assertCriterionFits(criterion, { classes, hasTargets: targets !== undefined });
  const isFit =
    targets === undefined ||
    (targets.length === labels.length && targets.every((t) => t >= 0 && t < classes));
  if (!isFit)
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `expected ${labels.length} targets from 0 to ${classes - 1}, got ${Array.from(targets.subarray(0, 10)).join(', ')} (${targets.length})`,
    );
}

function checkInputs({ target, inputs, labels, ids, threat, cleanScores, starts }: AttackBatchOptions): void {
  const features = featureCount(target.inputShape);
  const n = labels.length;
  const expect = (isRight: boolean, message: string): void => {
    if (!isRight) throw new AppError('TEMPER_ATTACK_SHAPE', message);
  };
  expect(ids.length === n, `expected one id per label (${n}), got ${ids.length}`);
  expect(
    inputs.length === n * features,
    `expected ${n} inputs of ${features} values (shape ${target.inputShape.join('×')}), got ${inputs.length} values`,
  );
  expect(
    cleanScores === undefined || cleanScores.length === n * target.classes,
    `expected ${n} rows of ${target.classes} clean scores, got ${cleanScores?.length ?? 0} values`,
  );
  expect(
    starts === undefined || starts.length === inputs.length,
    `expected ${n} starts of ${features} values, got ${starts?.length ?? 0} values`,
  );
  labels.forEach((label, i) =>
    expect(
      label >= 0 && label < target.classes,
      `expected labels 0 to ${target.classes - 1}, got ${label} at example ${i}`,
    ),
  );
  const [low, high] = threat.range;
  const bad = inputs.findIndex((value) => !(value >= low && value <= high));
  expect(
    bad < 0,
    `expected values from ${low} to ${high}, got ${inputs[bad] ?? NaN} at example ${Math.floor(bad / features)} (${ids[Math.floor(bad / features)] ?? ''}), feature ${bad % features}`,
  );
}
