import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adversaryOf, type AdversaryOptions } from '../../../src/cli/adversary.ts';

const cwd = mkdtempSync(join(tmpdir(), 'temper-adversary-'));
afterAll(() => rmSync(cwd, { recursive: true }));
writeFileSync(join(cwd, 'costs.yaml'), 'kind: costly\ncosts: [[0, 1, 2], [5, 0, 1], [1, 1, 0]]\nleast: 2\n');
writeFileSync(
  join(cwd, 'rules.yaml'),
  'features:\n  - { of: 0, change: never }\n  - { of: 1..2, whole: true }\n',
);
writeFileSync(
  join(cwd, 'wrong.yaml'),
  'features:\n  - { of: 9, change: never }\n  - { of: 0, bounds: [0, 7] }\n',
);
writeFileSync(join(cwd, 'odd.yaml'), 'feature: 1\n');

const adversary = (options: AdversaryOptions) =>
  adversaryOf(options, { cwd, subject: { inputShape: [4], classes: 3 } });

test.each<[AdversaryOptions, object]>([
  [{}, { range: [0, 1] }],
  [{ criterion: 'misclassified', range: [-1, 1] }, { range: [-1, 1] }],
  [{ criterion: 'targeted:2' }, { range: [0, 1], criterion: { kind: 'targeted', target: 2 } }],
  [
    { criterion: 'top-k:2', reject: '0.8' },
    { range: [0, 1], criterion: { kind: 'top-k', k: 2, reject: { confidence: 0.8 } } },
  ],
  [{ reject: 'class:1' }, { range: [0, 1], criterion: { kind: 'misclassified', reject: { class: 1 } } }],
  [
    { criterion: 'costs.yaml' },
    {
      range: [0, 1],
      criterion: {
        kind: 'costly',
        costs: [
          [0, 1, 2],
          [5, 0, 1],
          [1, 1, 0],
        ],
        least: 2,
      },
    },
  ],
  [{ constraints: 'rules.yaml' }, { range: [0, 1], constraints: { immutable: [0], integer: [1, 2] } }],
])('%j', async (options, expected) => expect(await adversary(options)).toEqual(expected));

test.each<[AdversaryOptions, RegExp]>([
  [{ criterion: 'targeted:3' }, /--criterion: target: expected a class from 0 to 2, got 3/],
  [{ criterion: 'top-k:3' }, /less than the 3 classes/],
  [
    { criterion: 'nothing.yaml' },
    /--criterion: expected misclassified, targeted:<class>, top-k:<k> or a YAML/,
  ],
  [{ reject: '7' }, /--criterion: reject/],
  [
    { constraints: 'wrong.yaml' },
    /--constraints: .*a feature from 0 to 3.*; .*bounds inside model.range, 0 to 1, got \[0, 7\]/,
  ],
  [{ constraints: 'odd.yaml' }, /--constraints: .*feature/],
])('%j is refused', async (options, message) => {
  await expect(adversary(options)).rejects.toThrow(message);
  await expect(adversary(options)).rejects.toMatchObject({ code: 'TEMPER_USAGE' });
});
