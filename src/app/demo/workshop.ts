import { join } from 'node:path';
import { loadData } from '../../data/dataset.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Logger } from '../../domain/logger.ts';
import type { ThreatModel } from '../../domain/threat-model.ts';
import type { ComputePool } from '../../engine/pool.ts';
import { readArtifact, writeArtifact, type ModelArtifact } from '../../models/artifact.ts';
import { digitsNetwork } from '../../models/network.ts';
import type { ModelVersion, Registry } from '../../models/registry.ts';
import { trainingConfigSchema } from '../../training/config.ts';
import { trainClean, type TrainingProgress } from '../../training/train.ts';
import { DEMO_MODEL } from './config-file.ts';

/** Where the demo plays the people who train and ship models without asking the gate. */
export interface Workshop {
  /** The model a team would start with: trained on clean digits only, shipped by hand. */
  shipFirstModel(size: TrainingSize): Promise<ModelVersion>;
  /** A fine-tune on clean digits of the version that serves, shipped around the gate. */
  shipCarelessUpdate(size: TrainingSize): Promise<ModelVersion>;
}

export interface TrainingSize {
  readonly rows: number;
  readonly epochs: number;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export interface WorkshopOptions {
  readonly pool: ComputePool;
  readonly registry: Registry;
  readonly directory: string;
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createWorkshop(options: WorkshopOptions): Workshop {
  const { registry, seed } = options;
  return {
    async shipFirstModel(size) {
      const model = await trainOnClean(options, { model: digitsNetwork({ seed }), size, learningRate: 3e-3 });
      return ship(options, {
        model,
        name: 'first',
        actor: 'digits team',
        reason: 'first model, before there was a gate',
      });
    },
    async shipCarelessUpdate(size) {
      const { path } = await registry.current(DEMO_MODEL);
      const model = await trainOnClean(options, {
        model: await readArtifact(path),
        size,
        learningRate: 1e-2,
      });
      const reason = 'quick fine-tune for clean accuracy, shipped around the gate';
      return ship(options, { model, name: 'careless', actor: 'digits team', reason });
    },
  };
}

interface CleanTraining {
  readonly model: ModelArtifact;
  readonly size: TrainingSize;
  readonly learningRate: number;
}

async function trainOnClean(
  { pool, clock, logger, threat, seed }: WorkshopOptions,
  { model, size, learningRate }: CleanTraining,
): Promise<ModelArtifact> {
  const { epsilon, range } = threat;
  const { model: trained } = await trainClean(
    {
      model,
      clean: (await loadData('mnist:train')).slice(0, size.rows),
      validation: await loadData('mnist:validation'),
      threat: { norm: 'linf', epsilon, range },
      config: trainingConfigSchema.parse({
        objective: { kind: 'clean' },
        epochs: size.epochs,
        learningRate,
        averaging: 0.9,
        attack: { start: 'random' },
        validation: { rows: 200, fromShare: 1 },
      }),
      seed,
    },
    { pool, clock, logger, onProgress: size.onProgress },
  );
  return trained;
}

async function ship(
  { registry, directory }: WorkshopOptions,
  { model, name, actor, reason }: { model: ModelArtifact; name: string; actor: string; reason: string },
): Promise<ModelVersion> {
  const folder = join(directory, name);
  const { sha256 } = await writeArtifact(folder, model);
  const { hash } = await registry.addCandidate({ model: DEMO_MODEL, source: { directory: folder }, sha256 });
  return registry.promote({ model: DEMO_MODEL, candidate: hash, actor, reason, override: true });
}
