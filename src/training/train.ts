import type { DataSlice } from '../data/dataset.ts';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { hashJson } from '../domain/hashing.ts';
import type { Logger } from '../domain/logger.ts';
import { featureCount } from '../domain/target.ts';
import type { ComputePool } from '../engine/pool.ts';
import { hashArtifact, type ModelArtifact } from '../models/artifact.ts';
import { weightRanges } from '../models/flat-weights.ts';
import { withoutSoftmax } from '../models/softmax-ending.ts';
import { stepsPerEpoch } from './batches.ts';
import type { TrainingConfig } from './config.ts';
import { runEpoch, type TrainingProgress } from './epoch.ts';
import { scoresNeeded } from './objective.ts';
import { loadState, saveState, startState, type EpochRecord, type TrainingState } from './state.ts';
import type { TrainingPlan, TrainingThreat } from './training-step.ts';
import { measureAccuracy } from './validation.ts';

export type { TrainingProgress } from './epoch.ts';
export type { EpochRecord } from './state.ts';
export type { TrainingThreat } from './training-step.ts';

export interface TrainingOptions {
  /** Where training starts: fresh weights, or those of an earlier model (warm start). */
  readonly model: ModelArtifact;
  /** Clean rows, attacked while training. */
  readonly clean: DataSlice;
  /** Adversarial rows made earlier, used as they are. */
  readonly stored?: DataSlice | undefined;
  /** Rows that choose between epochs; never trained on. */
  readonly validation: DataSlice;
  readonly threat: TrainingThreat;
  readonly config: TrainingConfig;
  readonly seed: number;
}

export interface TrainingDeps {
  readonly pool: ComputePool;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the state is saved after each epoch, and taken up again after a kill. Absent: nowhere. */
  readonly checkpointDirectory?: string | undefined;
  /** Stops between two steps with TEMPER_INTERRUPTED; the last finished epoch is kept. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
}

export interface TrainingResult {
  /** The averaged weights that validated best, under the topology that was given. */
  readonly model: ModelArtifact;
  /** From 1. */
  readonly bestEpoch: number;
  readonly history: readonly EpochRecord[];
  /** True when patience ran out before the last epoch. */
  readonly stoppedEarly: boolean;
}

/** Steps of the validation's PGD may go this far together, in units of epsilon. */
const VALIDATION_REACH = 2.5;

/**
 * Adversarial training: AdamW on an objective over rows that are attacked as the weights move, with epsilon raised by a
 * curriculum, weights averaged over steps, and the epoch kept that validates best under a quick PGD. The same options and
 * engine give the same weights for any number of workers, and for any number of kills if the checkpoint folder survives.
 * The parent holds no tensors.
 *
 * @throws {AppError} TEMPER_TRAINING_DIVERGED | TEMPER_INTERRUPTED | TEMPER_CONFIG_INVALID (a frozen layer that does not
 *   exist, carried perturbations outside Linf) | TEMPER_DATA_NOT_FOUND (no rows)
 * @see Madry et al. (2018), ICLR; Zheng et al. (2020), Efficient adversarial training with transferable adversarial
 *   examples, CVPR (carried perturbations); Loshchilov & Hutter (2019), ICLR (AdamW)
 */
export async function trainAdversarially(
  options: TrainingOptions,
  deps: TrainingDeps,
): Promise<TrainingResult> {
  const plan = planOf(options);
  const identity = identityOf(plan, options, deps);
  const state = (await resume(identity, deps)) ?? freshState(plan, options);
  const began = { atMs: deps.clock.nowMs(), step: state.step };
  while (!isFinished(state, plan.config)) {
    const record = await runEpoch(plan, state, { ...deps, began });
    const measured = await measureEpoch(plan, state, { validation: options.validation, pool: deps.pool });
    state.history.push({ ...record, ...measured });
    if (measured !== undefined) keepBest(state, record.epoch, measured.robustAccuracy);
    deps.logger.info({ ...record, ...measured, epochs: plan.config.epochs }, 'training_epoch');
    if (deps.checkpointDirectory !== undefined) await saveState(deps.checkpointDirectory, identity, state);
  }
  const best = state.best!;
  return {
    model: { ...options.model, weights: best.weights },
    bestEpoch: best.epoch,
    history: state.history,
    stoppedEarly: state.history.length < plan.config.epochs,
  };
}

/** Training on rows as they are: the same code with the objective `clean`; the best epoch is the best on clean rows. */
export function trainClean(options: TrainingOptions, deps: TrainingDeps): Promise<TrainingResult> {
  return trainAdversarially(
    { ...options, config: { ...options.config, objective: { kind: 'clean' } } },
    deps,
  );
}

function planOf({ model, clean, stored, threat, config, seed }: TrainingOptions): TrainingPlan {
  const fresh = config.rows === undefined ? clean : clean.slice(0, config.rows);
  const rowCount = fresh.count + (stored?.count ?? 0);
  if (rowCount === 0) throw new AppError('TEMPER_DATA_NOT_FOUND', 'There is no row to train on.');
  if (threat.norm !== 'linf' && config.attack.start === 'carried')
    throw new AppError(
      'TEMPER_CONFIG_INVALID',
      `training.attack.start is "carried", which needs the norm linf; the threat model says ${threat.norm}. Set it to "random".`,
    );
  return {
    network: { topology: withoutSoftmax(model.topology).topology, weightSpecs: model.weightSpecs },
    ranges: movingRanges(model, config.frozenLayers),
    rows: { fresh, stored },
    threat,
    config,
    seed,
    stepsPerEpoch: stepsPerEpoch(rowCount, config.batch),
  };
}

function movingRanges({ weightSpecs }: ModelArtifact, frozen: readonly string[]): TrainingPlan['ranges'] {
  const layerOf = (name: string): string => name.slice(0, name.lastIndexOf('/'));
  const layers = new Set(weightSpecs.map(({ name }) => layerOf(name)));
  const unknown = frozen.filter((layer) => !layers.has(layer));
  if (unknown.length > 0)
    throw new AppError(
      'TEMPER_CONFIG_INVALID',
      `training.frozenLayers names ${unknown.join(', ')}; the model's layers with weights are ${[...layers].join(', ')}.`,
    );
  const ranges = weightRanges(weightSpecs);
  return weightSpecs
    .map(({ name, shape }, i) => ({ ...ranges[i]!, layer: layerOf(name), decays: shape.length > 1 }))
    .filter(({ layer }) => !frozen.includes(layer))
    .map(({ start, end, decays }) => ({ start, end, decays }));
}

/** Everything that decides the weights; a checkpoint of another training is left alone. */
function identityOf({ rows }: TrainingPlan, options: TrainingOptions, { pool }: TrainingDeps): string {
  const { model, validation, threat, config, seed } = options;
  return hashJson({
    model: hashArtifact(model),
    fresh: rows.fresh.sha256,
    stored: rows.stored?.sha256,
    validation: validation.sha256,
    threat: { norm: threat.norm, epsilon: threat.epsilon, range: threat.range },
    config,
    seed,
    engine: pool.engine,
  });
}

async function resume(
  identity: string,
  { checkpointDirectory, logger }: TrainingDeps,
): Promise<TrainingState | undefined> {
  if (checkpointDirectory === undefined) return undefined;
  const state = await loadState(checkpointDirectory, identity);
  if (state !== undefined) logger.info({ epochs: state.history.length }, 'training_resumed');
  return state;
}

function freshState(
  { config, rows, stepsPerEpoch: perEpoch }: TrainingPlan,
  { model }: TrainingOptions,
): TrainingState {
  const carries = config.attack.start === 'carried' && scoresNeeded(config.objective).adversarial;
  return startState(model.weights, {
    curriculum: config.curriculum,
    steps: config.epochs * perEpoch,
    carriedValues: carries ? rows.fresh.count * featureCount(rows.fresh.inputShape) : undefined,
  });
}

function isFinished({ history, best }: TrainingState, { epochs, validation }: TrainingConfig): boolean {
  if (history.length >= epochs) return true;
  const sinceBest = history.filter(
    ({ epoch, robustAccuracy }) => robustAccuracy !== undefined && epoch > (best?.epoch ?? 0),
  );
  return sinceBest.length >= validation.patience;
}

/** Validation of the averaged weights; undefined in the epochs before the first measured one. The last is always measured. */
async function measureEpoch(
  { network, threat, config, seed, stepsPerEpoch: perEpoch }: TrainingPlan,
  { optimizer, step }: TrainingState,
  { validation, pool }: { validation: DataSlice; pool: ComputePool },
): Promise<{ cleanAccuracy: number; robustAccuracy: number } | undefined> {
  const { rows, steps, fromShare } = config.validation;
  const done = step / perEpoch;
  if (done < config.epochs && done <= fromShare * config.epochs) return undefined;
  const attacks = scoresNeeded(config.objective).adversarial;
  const { clean, robust } = await measureAccuracy(
    pool,
    { ...network, weights: optimizer.averages },
    {
      data: validation.slice(0, rows),
      attack: attacks ? { ...threat, steps, reach: VALIDATION_REACH } : undefined,
      seed,
    },
  );
  return { cleanAccuracy: clean, robustAccuracy: robust };
}

/** The newest of equals: it has been trained longer. */
function keepBest(state: TrainingState, epoch: number, score: number): void {
  if (state.best !== undefined && score < state.best.score) return;
  state.best = { epoch, score, weights: Float32Array.from(state.optimizer.averages) };
}
