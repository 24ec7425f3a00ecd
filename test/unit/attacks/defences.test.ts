import { declareDefences, parseDefence } from '../../../src/attacks/defences.ts';
import { medianSmooth } from '../../../src/attacks/images/median.ts';
import type { GradientTarget } from '../../../src/domain/target.ts';
import { linearTarget, networkTarget, randomInputs, randomWeights } from '../../support/network-target.ts';

const network = networkTarget(randomWeights({ features: 16, hidden: 6, classes: 3 }, 1), [4, 4, 1]);
const inputs = randomInputs(3, 16, 2);
const batch = { inputs, count: 3, rows: Int32Array.of(0, 1, 2) };

test('scores are those of the defended input, gradients those at it, taken as they are', async () => {
  const target = declareDefences(network, ['bits:1']) as GradientTarget;
  const rounded = { ...batch, inputs: inputs.map((x) => Math.round(x)) };
  expect(await target.scores(batch)).toEqual(await network.scores(rounded));
  const loss = (scores: Float32Array) => ({
    values: scores.slice(0, 3),
    derivative: Float32Array.from(scores, (_, k) => Number(k % 3 === 0)),
  });
  expect((await target.gradient(batch, loss)).gradient).toEqual(
    (await network.gradient(rounded, loss)).gradient,
  );
});

test('the first is the nearest to the input', async () => {
  const seen: number[] = [];
  const spy = {
    ...network,
    scores: (asked: typeof batch) => (seen.push(...asked.inputs), network.scores(asked)),
  };
  await declareDefences(spy, ['median:3', 'bits:1']).scores(batch);
  const image = { values: inputs.slice(0, 16), shape: { height: 4, width: 4, channels: 1 } };
  expect(seen.slice(0, 16)).toEqual(Array.from(medianSmooth(image, 3), Math.round));
});

test('a median over three pixels drops single specks and keeps edges', () => {
  const shape = { height: 3, width: 4, channels: 1 };
  const speck = Float32Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  expect(Array.from(medianSmooth({ values: speck, shape }, 3))).toEqual(Array(12).fill(0));
  const edge = Float32Array.from({ length: 12 }, (_, i) => Number(i % 4 >= 2));
  expect(medianSmooth({ values: edge, shape }, 3)).toEqual(edge);
});

test('none declared: the target itself', () => expect(declareDefences(network, [])).toBe(network));

test.each(['bits', 'bits:0', 'bits:9', 'median:4', 'jpeg:101', 'blur:3', 'bits:2.5'])(
  '%s is refused',
  (text) => {
    expect(() => parseDefence(text)).toThrow(/expected a defence \(bits:<1 to 8>/);
  },
);

test('what needs images is refused on tables', () => {
  const table = linearTarget(
    [
      [1, 2],
      [3, 4],
    ],
    [0, 0],
  );
  expect(() => declareDefences(table, ['median:3'])).toThrow(/needs images/);
  expect(declareDefences(table, ['bits:3']).classes).toBe(2);
});
