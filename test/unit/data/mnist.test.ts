import { loadData } from '../../../src/data/dataset.ts';
import { allRows } from '../../../src/data/slice.ts';
import { MNIST_PARTS, mnistPartIndexes, type MnistPart } from '../../../src/data/mnist.ts';

const parts = Object.keys(MNIST_PARTS) as MnistPart[];

test('the parts divide the 60,000 training images: none twice, none left over', () => {
  const all = parts.flatMap((part) => Array.from(mnistPartIndexes(part)));
  expect(all).toHaveLength(60_000);
  expect(new Set(all).size).toBe(60_000);
  for (const part of parts) expect(mnistPartIndexes(part)).toHaveLength(MNIST_PARTS[part]);
});

test('the division never changes: baselines and reports depend on it', async () => {
  expect(Array.from(mnistPartIndexes('train').slice(0, 4))).toEqual([39_090, 55_218, 59_267, 32_487]);
  expect((await loadData('mnist:canaries')).sha256).toMatch(/^c2b57c4dbbc07157/);
  expect((await loadData('mnist:test')).sha256).toMatch(/^20e59a10bd926fa0/);
});

test('test digits are real: in the order of the original file, bytes between 0 and 1, the published mean', async () => {
  const digits = await loadData('mnist:test');
  expect(digits).toMatchObject({ name: 'mnist:test', inputShape: [28, 28, 1], classes: 10, count: 10_000 });
  const { inputs, labels } = digits.rows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(Array.from(labels)).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  expect(inputs).toHaveLength(7840);
  expect(Math.max(...inputs)).toBe(1);
  expect(Math.min(...inputs)).toBe(0);
  const every = allRows(digits).inputs;
  expect(every.reduce((sum, value) => sum + value, 0) / every.length).toBeCloseTo(0.1325, 4);
});

test('an unknown part is named together with those that exist', async () => {
  await expect(loadData('mnist:tset')).rejects.toMatchObject({
    code: 'TEMPER_DATA_NOT_FOUND',
    message: expect.stringMatching(/mnist:tset does not exist.*test, train, validation/) as string,
  });
});
