import { perExampleArrays } from '../../../src/evaluation/per-example.ts';

test('arrays by name: what each recipe broke, and what was left, also when a later one was not tried', () => {
  const attack = (recipe: string, attacked: number[], survives: number[]) => ({
    recipe,
    attacked: Uint8Array.from(attacked),
    survives: Uint8Array.from(survives),
    distance: Float32Array.from(survives, (stands) => (stands === 1 ? Infinity : 0.25)),
    forwardQueries: Uint32Array.from(attacked, (was) => 7 * was),
    gradientQueries: Uint32Array.from(attacked, (was) => 3 * was),
  });
  const arrays = perExampleArrays({
    label: Int32Array.of(3, 1, 4),
    cleanPrediction: Int32Array.of(3, 9, 4),
    cleanCorrect: Uint8Array.of(1, 0, 1),
    // The first breaks example 0, example 1 is misread from the start, the second is run on example 2 alone.
    attacks: [attack('pgd-4', [1, 0, 1], [0, 0, 1]), attack('square-30', [0, 0, 1], [0, 0, 0])],
  });
  expect(Object.keys(arrays).slice(0, 4)).toEqual([
    'label',
    'clean_prediction',
    'clean_correct',
    'success_pgd-4',
  ]);
  const values = (name: string) => Array.from(arrays[name]!.data);
  expect(values('success_pgd-4')).toEqual([1, 0, 0]);
  expect(values('survives_pgd-4')).toEqual([0, 0, 1]);
  expect(values('success_square-30')).toEqual([0, 0, 1]);
  expect(values('queries_square-30')).toEqual([0, 0, 7]);
  expect(values('gradient_queries_pgd-4')).toEqual([3, 0, 3]);
  for (const [name, { isBoolean = false }] of Object.entries(arrays))
    expect(isBoolean).toBe(/^(clean_correct|success_|survives_)/.test(name));
});
