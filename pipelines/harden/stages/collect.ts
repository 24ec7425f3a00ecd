import { join } from 'node:path';
import { z } from 'zod';
import { writeDataset } from '../../../src/data/file-dataset.ts';
import type { LabelledInput } from '../../../src/store/queries/probes.ts';
import { concatenate } from '../../../src/probing/canary-round.ts';
import type { HardenContext } from '../context.ts';
import type { RunnableStage, StageEnvironment } from '../run.ts';

const collectOutputSchema = z.object({
  /** Labelled production samples, and confirmed production adversarials with labels, in this stage's folder. */
  production: z.number(),
  adversarial: z.number(),
});
export type CollectOutput = z.infer<typeof collectOutputSchema>;

export const collectOutput = (value: unknown): CollectOutput => collectOutputSchema.parse(value);

/** Folder of the collected rows, inside the stage's own. Written only when there are rows. */
export const PRODUCTION = 'production';
export const ADVERSARIAL = 'adversarial';

/** Takes what production brought up to the frozen positions: labelled samples, and what broke the served model. */
export function collectStage(context: HardenContext): RunnableStage {
  const { store, model, request } = context;
  return {
    name: 'collect',
    settings: { model: model.name, frozen: request.frozenPositions },
    async run(environment): Promise<CollectOutput> {
      const production = await store.labelledSamples(model.name, request.frozenPositions);
      const adversarial = await store.labelledAdversarials(model.name, request.frozenPositions);
      await write(context, environment, { name: PRODUCTION, rows: production });
      await write(context, environment, { name: ADVERSARIAL, rows: adversarial });
      return { production: production.length, adversarial: adversarial.length };
    },
  };
}

async function write(
  { model, request }: HardenContext,
  { directory }: StageEnvironment,
  { name, rows }: { name: string; rows: readonly LabelledInput[] },
): Promise<void> {
  if (rows.length === 0) return;
  await writeDataset(join(directory, name), {
    inputs: concatenate(rows.map(({ input }) => input)),
    labels: Uint8Array.from(rows, ({ label }) => label),
    inputShape: model.inputShape,
    classes: model.classes,
    provenance: { from: 'production', frozenPositions: { ...request.frozenPositions }, samples: rows.length },
  });
}
