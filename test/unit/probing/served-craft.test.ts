import { presetRecipe } from '../../../src/attacks/presets.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { ServedModel } from '../../../src/models/served.ts';
import { createProber, THE_SERVED_MODEL } from '../../../src/probing/prober.ts';
import { createServedCraft } from '../../../src/probing/served-craft.ts';
import { createServedReader } from '../../../src/probing/served-reader.ts';

/** Class 1 where the mean of four pixels is above a half; counts the rows that it is asked. */
function meanModel(fails = false): ServedModel & { rows: number } {
  const model = {
    rows: 0,
    inputShape: [2, 2, 1],
    classes: 2,
    predict(inputs: Float32Array, count: number) {
      model.rows += count;
      if (fails) return Promise.reject(new AppError('TEMPER_TARGET_REJECTED', 'no'));
      const scores = Array.from({ length: count }, (_, row) => {
        const mean = inputs.subarray(4 * row, 4 * row + 4).reduce((sum, value) => sum + value, 0) / 4;
        return [0, mean - 0.5];
      });
      return Promise.resolve(Float32Array.from(scores.flat()));
    },
  };
  return model as unknown as ServedModel & { rows: number }; // the part that is used
}

const batch = {
  ids: ['near#0', 'far#0'],
  inputs: Float32Array.of(0.45, 0.45, 0.45, 0.45, 0.1, 0.1, 0.1, 0.1),
  model: THE_SERVED_MODEL,
  recipes: [presetRecipe('square-100')],
  threat: { norm: 'linf', epsilon: 0.2, range: [0, 1], access: 'scores' } as const,
  seed: 1,
  bisectionSteps: 4,
};

test('a model without a replica is attacked by its scores, and every question counts as a query', async () => {
  const served = meanModel();
  const reader = createServedReader({ served, knownGood: () => undefined });
  const [rows] = await createProber({ craft: createServedCraft(served), reader }).probe(batch);
  const measured = rows!.map(({ outcome }) => (outcome.kind === 'done' ? outcome.measurement : undefined));
  expect(measured.map((each) => each?.success)).toEqual([true, false]);
  expect(measured.map((each) => each?.transferred)).toEqual([undefined, undefined]);
  expect(measured.reduce((sum, each) => sum + each!.servedQueries, 0)).toBe(served.rows);
});

test('a refusal in the middle of an attack is waited out', async () => {
  const craft = createServedCraft(meanModel(true));
  const { recipes, ...rest } = batch;
  await expect(craft({ ...rest, recipe: recipes[0]!, labels: Int32Array.of(0, 0) })).rejects.toMatchObject({
    code: 'TEMPER_TARGET_UNREACHABLE',
    retryable: true,
  });
});
