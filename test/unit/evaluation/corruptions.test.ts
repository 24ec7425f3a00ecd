import { CORRUPTIONS } from '../../../src/attacks/corruptions/catalogue.ts';
import { corrupt } from '../../../src/attacks/corruptions/corrupt.ts';
import { createSlice, type DataSlice } from '../../../src/data/slice.ts';
import { predictedClass } from '../../../src/domain/target.ts';
import { evaluateExamples } from '../../../src/evaluation/evaluate.ts';
import { evaluationResultSchema } from '../../../src/evaluation/result.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';
import { createTargetRunner } from '../../../src/evaluation/task-runner.ts';
import { testEngine } from '../../support/engine.ts';

const COUNT = 30;
const CLASSES = 4;
const FEATURES = 64;
const network = networkTarget(
  randomWeights({ features: FEATURES, hidden: 16, classes: CLASSES }, 2),
  [8, 8, 1],
);

async function dataOf(inputShape: readonly number[]): Promise<DataSlice> {
  const inputs = randomInputs(COUNT, FEATURES, 1);
  const labels = Uint8Array.from(await ownLabels(network, inputs));
  const store = { inputs, labels, inputShape, classes: CLASSES };
  return createSlice(
    'toy',
    store,
    Uint32Array.from({ length: COUNT }, (_, i) => i),
  );
}

const common = {
  pool: createTargetRunner(network, testEngine),
  model: { path: 'toy', sha256: '0'.repeat(64) },
  recipes: [],
  threat: { norm: 'linf', epsilon: 0.1, range: [0, 1], access: 'gradients' },
  seed: 3,
  clock: { nowMs: () => 0 },
} as const;

test('accuracy of every corruption and severity is counted, and their mean', async () => {
  const data = await dataOf([8, 8, 1]);
  const done: number[] = [];
  const { result } = await evaluateExamples({
    ...common,
    data,
    corruptions: true,
    onProgress: (progress) => done.push(progress.done / progress.total),
  });
  expect(evaluationResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  const { mean_accuracy, results } = result.corruptions!;
  // Without colours there is nothing to saturate.
  expect(results).toHaveLength(5 * (CORRUPTIONS.length - 1));
  expect(mean_accuracy).toBeCloseTo(
    results.reduce((sum, { accuracy }) => sum + accuracy.value, 0) / results.length,
    12,
  );
  expect(done.at(-1)).toBe(1);

  const { inputs, labels } = data.rows(Array.from({ length: COUNT }, (_, i) => i));
  const ids = Array.from(labels, (_, i) => `toy#${i}`);
  for (const corruption of [CORRUPTIONS[0]!, CORRUPTIONS[11]!]) {
    const moved = corrupt(corruption, {
      inputs,
      ids,
      inputShape: [8, 8, 1],
      range: [0, 1],
      severity: 4,
      seed: 3,
    });
    const scores = await network.scores({ inputs: moved, count: COUNT, rows: Int32Array.from(ids.keys()) });
    const right = labels.reduce(
      (sum, label, i) => sum + Number(predictedClass(scores, CLASSES, i) === label),
      0,
    );
    const found = results.find((each) => each.corruption === corruption.name && each.severity === 4)!;
    expect(found.accuracy.value).toBeCloseTo(right / COUNT, 12);
    expect(found.accuracy.n).toBe(COUNT);
  }
});

test('without the flag nothing is measured, and data that are no images are refused', async () => {
  expect(
    (await evaluateExamples({ ...common, data: await dataOf([8, 8, 1]) })).result.corruptions,
  ).toBeUndefined();
  await expect(evaluateExamples({ ...common, data: await dataOf([64]), corruptions: true })).rejects.toThrow(
    'corruptions need images',
  );
});
