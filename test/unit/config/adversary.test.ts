import { parseConfig, threatModelOf } from '../../../src/config/load.ts';
import { threatModelId, type ThreatModel } from '../../../src/domain/threat-model.ts';
import type { AppError } from '../../../src/domain/errors.ts';

const HEAD = `model: { name: fraud, inputShape: [8], classes: 3, range: [-10, 10] }
served: { url: 'http://localhost:8501' }
stream: { files: [{ path: a.jsonl }], sampling: { key: { env: KEY } } }
`;

function parse(threat: string): ReturnType<typeof parseConfig> {
  return parseConfig(`${HEAD}threatModel:\n  epsilon: 0.5\n${threat}`, {
    file: 'temper.yaml',
    folder: '/',
    env: { KEY: 'k' },
  });
}

function mistakesOf(threat: string): { path: string; expected: string; got: string }[] {
  try {
    parse(threat);
  } catch (caught) {
    return (caught as AppError).details['mistakes'] as { path: string; expected: string; got: string }[];
  }
  return [];
}

const plain: ThreatModel = { norm: 'linf', epsilon: 0.5, range: [-10, 10], access: 'gradients' };

test('rules by index, by name and by range become constraints by index, sorted', () => {
  const config = parse(`
  constraints:
    names: [amount, hour, age, children, a, b, c, d]
    features:
      - { of: age..children, whole: true, bounds: [0, 9] }
      - { of: [hour, 0], scale: 2.5 }
      - { of: "2", change: up }
      - { of: amount, change: never }
    oneHot: [a..c]
`);
  expect(threatModelOf(config)).toEqual({
    ...plain,
    constraints: {
      bounds: [
        [2, 0, 9],
        [3, 0, 9],
      ],
      scales: [
        [0, 2.5],
        [1, 2.5],
      ],
      immutable: [0],
      integer: [2, 3],
      oneHot: [[4, 5, 6]],
      rising: [2],
    },
  });
});

test('the same said in other words has the same identity, and what says nothing changes no identity', () => {
  const id = (threat: string): string => threatModelId(threatModelOf(parse(threat)));
  const one = '  constraints: { features: [{ of: 1..2, change: never }, { of: 3, scale: 2 }] }';
  const other =
    '  constraints: { features: [{ of: 3, scale: 2, change: any }, { of: [2, 1], change: never, scale: 1 }] }';
  expect(id(one)).toBe(id(other));
  expect(id(one)).not.toBe(threatModelId(plain));
  expect(
    id('  constraints: { features: [{ of: 1, change: any }] }\n  criterion: { kind: misclassified }'),
  ).toBe(threatModelId(plain));
});

test('a criterion is part of the threat model', () => {
  const config = parse('  criterion: { kind: targeted, target: [1, 2, 0], reject: { confidence: 0.7 } }');
  expect(threatModelOf(config).criterion).toEqual({
    kind: 'targeted',
    target: [1, 2, 0],
    reject: { confidence: 0.7 },
  });
});

test('every mistake is reported at once, where it stands', () => {
  const mistakes = mistakesOf(`
  criterion: { kind: top-k, k: 3, reject: { class: 7 } }
  constraints:
    names: [amount, amount, c, d, e, f, g, h, i]
    features:
      - { of: 7..9 }
      - { of: colour, bounds: [3, 1] }
      - { of: 1, bounds: [-50, 1] }
      - { of: 2, whole: true, bounds: [0.2, 0.8] }
    oneHot: [3, [4, 5], 5..6]
`);
  expect(mistakes.map(({ path, got }) => [path, got])).toEqual([
    ['threatModel.criterion.k', '3'],
    ['threatModel.criterion.reject.class', '7'],
    ['threatModel.constraints.names', '9'],
    ['threatModel.constraints.names', '"amount" twice'],
    ['threatModel.constraints.features.0.of', '"7..9"'],
    ['threatModel.constraints.features.1.of', '"colour"'],
    ['threatModel.constraints.features.1.bounds', '[3, 1]'],
    ['threatModel.constraints.features.2.bounds', '[-50, 1]'],
    ['threatModel.constraints.features.3.bounds', '[0.2, 0.8]'],
    ['threatModel.constraints.oneHot.0', '1'],
    ['threatModel.constraints.oneHot.2', 'feature 5, which group 1 has too'],
  ]);
});

test('keys that do not exist are named', () => {
  expect(mistakesOf('  constraints: { features: [{ of: 1, scal: 2 }] }')).toHaveLength(1);
  expect(mistakesOf('  criterion: { kind: best }')).toHaveLength(1);
});
