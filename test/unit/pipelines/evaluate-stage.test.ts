import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HardenContext } from '../../../pipelines/harden/context.ts';
import { evaluateOutput, evaluateStage } from '../../../pipelines/harden/stages/evaluate.ts';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { loadData } from '../../../src/data/dataset.ts';
import type { ThreatModel } from '../../../src/domain/threat-model.ts';
import { evaluateModel } from '../../../src/evaluation/evaluate.ts';
import { createTargetRunner } from '../../../src/evaluation/task-runner.ts';
import { writeArtifact } from '../../../src/models/artifact.ts';
import { digitsNetwork } from '../../../src/models/network.ts';
import { replicaOf } from '../../../src/models/replica.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';

const ROWS = 200;
const threat: ThreatModel = { norm: 'linf', epsilon: 0.005, range: [0, 1], access: 'gradients' };
/** The stronger first: what it leaves is less than what the weaker leaves alone. */
const informationalAttacks = ['pgd-10', 'fgsm'];

let directory: string;
beforeAll(async () => {
  await startTestBackend();
  directory = await mkdtemp(join(tmpdir(), 'temper-evaluate-stage-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('an informational attack is measured by itself, and decides nothing', async () => {
  const model = await writeArtifact(directory, digitsNetwork({ seed: 3, filters: [4, 4], hidden: 8 }));
  const pool = createTargetRunner(await replicaOf(model), testEngine);
  const context = {
    pool,
    threat,
    seed: 1,
    model: { name: 'digits' },
    registry: { lastGated: () => Promise.resolve(undefined) },
    settings: {
      heldOutAttacks: ['square-20', 'spatial?turns=2&shifts=1'],
      informationalAttacks,
      data: { gate: 'mnist:gate', gateRows: ROWS },
      training: { objective: { kind: 'pgd' } },
      generatedRows: 0,
    },
    sentinels: [],
    progress: () => undefined,
  } as unknown as HardenContext; // what the stage reads of it
  const trained = { model, attacks: ['pgd'], bestEpoch: 1, stoppedEarly: false, history: [] };
  const output = evaluateOutput(
    await evaluateStage(context).run({ directory, directoryOf: () => directory, outputOf: () => trained }),
  );
  // What turns pictures is no attack within epsilon: it decides nothing, and fills no place among those that do.
  expect(output.candidate.heldOutAttacks).toEqual(['square-20']);
  const data = (await loadData('mnist:gate')).slice(0, ROWS);
  const alone = await Promise.all(
    informationalAttacks.map(async (name) => {
      const { attacks } = await evaluateModel({
        pool,
        model,
        data,
        threat,
        seed: 1,
        recipes: [presetRecipe(name)],
      });
      return { recipe: name, robustAccuracy: attacks[0]!.robust_accuracy };
    }),
  );
  expect(output.informational).toEqual(alone);
  const [stronger, weaker] = alone;
  expect(weaker!.robustAccuracy.value).toBeGreaterThan(stronger!.robustAccuracy.value);
  expect(output.candidate.worstCase.value).toBeGreaterThan(stronger!.robustAccuracy.value);
});
