import { checkRequirement, parseRequirement } from '../../../src/cli/requirement.ts';

const result = {
  worst_case: { value: 0.9, lower: 0.85 },
  masking: 'none',
  indicators: { randomised: false },
  attacks: [
    { recipe: 'pgd-40', robust_accuracy: { lower: 0.91 } },
    { recipe: 'apgd-ce', robust_accuracy: { lower: 0.87 } },
  ],
};

test.each<[string, boolean]>([
  ['worst_case.lower >= 0.85', true],
  ['worst_case.lower > 0.85', false],
  ['worst_case.lower<=0.85', true],
  ['worst_case.lower < 0.85', false],
  ['worst_case.value == 0.9', true],
  ['masking == none', true],
  ['masking == masked', false],
  ['indicators.randomised == false', true],
  ['attacks.apgd-ce.robust_accuracy.lower >= 0.87', true],
  ['attacks.square.robust_accuracy.lower >= 0', false],
  ['certified_accuracy.lower >= 0', false],
  ['worst_case >= 0', false],
])('%s is %p', (text, met) => {
  expect(checkRequirement(parseRequirement(text), result).met).toBe(met);
});

test('a figure that was not measured is told from one that is too low', () => {
  expect(checkRequirement(parseRequirement('certified_accuracy.lower >= 0'), result).got).toBeUndefined();
  expect(checkRequirement(parseRequirement('worst_case.lower >= 0.9'), result).got).toBe(0.85);
});

test.each(['worst_case.lower', '>= 0.85', 'a.b => 1', 'a..b >= 1', 'a >= much', 'a >= 1 2', ''])(
  '%p is refused with an example',
  (text) => {
    expect(() => parseRequirement(text)).toThrow(/expected/);
  },
);
