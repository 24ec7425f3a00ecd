import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadData } from '../../../src/data/dataset.ts';
import type { ThreatModel } from '../../../src/domain/threat-model.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { readArtifact, writeArtifact, type ModelArtifact } from '../../../src/models/artifact.ts';
import { buildFreshWeights } from '../../../src/models/fresh-weights.ts';
import { trainAdversarially, type TrainingResult, type TrainingThreat } from '../../../src/training/train.ts';
import { openAttacks } from '../../../src/evaluation/open-attacks.ts';
import type { HardenContext } from '../context.ts';
import { isUsedInTraining } from '../held-out.ts';
import type { RunnableStage } from '../run.ts';
import { CLEAN, STORED } from './generate.ts';

const trainOutputSchema = z.object({
  model: z.object({ path: z.string(), sha256: z.string() }),
  /** Version whose weights training started from; absent: fresh weights. */
  warmStart: z.number().optional(),
  /** Attacks used while training: the gate counts none of them. */
  attacks: z.array(z.string()),
  bestEpoch: z.number(),
  stoppedEarly: z.boolean(),
  history: z.array(
    z.object({
      epoch: z.number(),
      epsilon: z.number(),
      loss: z.number(),
      trainingAccuracy: z.number(),
      cleanAccuracy: z.number().optional(),
      robustAccuracy: z.number().optional(),
    }),
  ),
});
export type TrainOutput = z.infer<typeof trainOutputSchema>;
export const trainOutput = (value: unknown): TrainOutput => trainOutputSchema.parse(value);

const MODEL = 'model';

/** Adversarial training on the augmented set. Killed, it goes on from the last finished epoch. */
export function trainStage(context: HardenContext): RunnableStage {
  const { settings, seed, threat } = context;
  return {
    name: 'train',
    settings: {
      training: settings.training,
      warmStart: settings.warmStart,
      validation: settings.data.validation,
      seed,
      threat,
    },
    async run({ directory, directoryOf }): Promise<TrainOutput> {
      assertStrongEnough(context);
      await assertHeldOut(context);
      const start = await startingPoint(context);
      const stored = join(directoryOf('generate'), STORED);
      const result = await trainAdversarially(
        {
          model: start.model,
          clean: await loadData(`file:${join(directoryOf('generate'), CLEAN)}`),
          stored: existsSync(stored) ? await loadData(`file:${stored}`) : undefined,
          validation: await loadData(settings.data.validation),
          threat: trainingThreat(threat),
          config: settings.training,
          seed,
        },
        {
          pool: context.pool,
          clock: context.clock,
          logger: context.logger,
          checkpointDirectory: join(directory, 'checkpoint'),
          onProgress: ({ step, steps, ...figures }) =>
            context.progress('train', { done: step, total: steps, figures: definedOnly(figures) }),
        },
      );
      const ref = await writeArtifact(join(directory, MODEL), result.model);
      return outputOf(context, result, { ref, warmStart: start.version });
    },
  };
}

function outputOf(
  { runDirectory }: HardenContext,
  { history, bestEpoch, stoppedEarly }: TrainingResult,
  { ref, warmStart }: { ref: { sha256: string }; warmStart: number | undefined },
): TrainOutput {
  return {
    // Where the model lies once the stage's folder has its final name.
    model: { path: join(runDirectory, 'train', MODEL), sha256: ref.sha256 },
    ...(warmStart === undefined ? {} : { warmStart }),
    attacks: ['pgd'],
    bestEpoch,
    stoppedEarly,
    history: [...history],
  };
}

function trainingThreat({ norm, epsilon, range }: ThreatModel): TrainingThreat {
  if (norm === 'linf' || norm === 'l2') return { norm, epsilon, range };
  throw new AppError(
    'TEMPER_POLICY_REFUSED',
    `threatModel.norm: expected linf or l2 to train against, got ${norm}; harden under one of these, and evaluate under ${norm}`,
  );
}

/** Single steps from random starts teach a model to answer single steps: refused unless somebody insists. */
function assertStrongEnough({ settings }: HardenContext): void {
  const { attack, objective } = settings.training;
  const isSingleStep = objective.kind !== 'clean' && attack.steps === 1 && attack.start === 'random';
  if (!isSingleStep || settings.dangerouslyAllowSingleStep) return;
  throw new AppError(
    'TEMPER_POLICY_REFUSED',
    'harden.training.attack: expected at least 2 steps from random starts, or carried starts, got 1 step from random starts, which overfits catastrophically; set harden.dangerouslyAllowSingleStep to train so all the same',
  );
}

/** The gate would refuse the result: said before the hours of training, not after. */
async function assertHeldOut(context: HardenContext): Promise<void> {
  const { settings, book, threat, model } = context;
  const opened = await openAttacks(settings.heldOutAttacks, { folder: '.', book });
  const { suites, recipes } = opened.for({ norm: threat.norm, classes: model.classes });
  const used = [...suites.flatMap((suite) => suite.recipes), ...recipes]
    .filter((recipe) => isUsedInTraining(recipe, context))
    .map(({ name }) => name);
  if (used.length === 0) return;
  throw new AppError(
    'TEMPER_POLICY_REFUSED',
    `harden.heldOutAttacks: expected attacks that training does not use, got ${used.join(', ')}; name it under harden.informationalAttacks, where it decides nothing`,
  );
}

async function startingPoint({
  registry,
  model,
  settings,
  seed,
}: HardenContext): Promise<{ model: ModelArtifact; version: number | undefined }> {
  const current = await registry.current(model.name);
  const champion = settings.warmStart === 'champion' ? await registry.lastGated(model.name) : undefined;
  const chosen = settings.warmStart === 'served' ? current : champion;
  if (chosen !== undefined) return { model: await readArtifact(chosen.path), version: chosen.version };
  return { model: buildFreshWeights(await readArtifact(current.path), seed), version: undefined };
}

function definedOnly(figures: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(figures).filter(
    (entry): entry is [string, number] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
