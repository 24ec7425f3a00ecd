import type { HardenContext } from '../../../pipelines/harden/context.ts';
import { isUsedInTraining } from '../../../pipelines/harden/held-out.ts';
import { gateStage } from '../../../pipelines/harden/stages/gate.ts';
import { trainStage } from '../../../pipelines/harden/stages/train.ts';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { EMPTY_BOOK } from '../../../src/evaluation/recipe-book.ts';

const contextOf = (objective: string, settings: object = {}): HardenContext =>
  ({
    settings: {
      training: { objective: { kind: objective }, attack: { steps: 7, start: 'random' } },
      generatedRows: 8,
      generatedWith: ['square-500'],
      data: {},
      ...settings,
    },
    sentinels: [presetRecipe('bim-20')],
    book: EMPTY_BOOK,
    threat: { norm: 'linf', epsilon: 0.3, range: [0, 1], access: 'gradients' },
    model: { name: 'digits', classes: 10 },
  }) as unknown as HardenContext; // what is read of it

it.each([
  ['pgd', 'pgd-40', true],
  ['pgd', 'pgd-7x5', true],
  ['mixed', 'pgd?steps=100', true],
  ['pgd', 'pgd-margin-40', false],
  ['pgd', 'trades-pgd', false],
  ['trades', 'trades-pgd', true],
  ['trades', 'pgd-40', false],
  ['clean', 'pgd-40', false],
  ['pgd', 'apgd-ce', false],
  ['pgd', 'bim-20', true],
  ['pgd', 'bim-10', false],
  ['pgd', 'square-500', true],
  ['pgd', 'square-1000', false],
])('training with objective %s and %s: used is %s', (objective, name, used) => {
  expect(isUsedInTraining(presetRecipe(name), contextOf(objective))).toBe(used);
});

test('nothing is stored, so only the ascent inside training counts', () => {
  expect(isUsedInTraining(presetRecipe('bim-20'), contextOf('pgd', { generatedRows: 0 }))).toBe(false);
});

test('training does not begin when the gate would have to refuse its result', async () => {
  const context = contextOf('pgd', { heldOutAttacks: ['apgd-ce', 'square-1000', 'pgd-40'] });
  await expect(
    trainStage(context).run({ directory: '', directoryOf: () => '', outputOf: () => undefined }),
  ).rejects.toMatchObject({
    code: 'TEMPER_POLICY_REFUSED',
    message: expect.stringContaining('got pgd-40; name it under harden.informationalAttacks') as string,
  });
});

test('the gate refuses a result that the training attack decided, whatever its recipe is called', async () => {
  const interval = { value: 0.99, lower: 0.98, upper: 1, n: 1000, confidence: 0.95 };
  const evaluated = {
    data: { name: 'mnist:gate', rows: 1000, sha256: 'h' },
    candidate: {
      cleanAccuracy: interval,
      worstCase: interval,
      heldOutAttacks: ['apgd-ce', 'square-1000', 'pgd-40'],
      usedInTraining: ['pgd-40'],
    },
    informational: [],
  };
  const trained = {
    model: { path: '', sha256: '' },
    attacks: ['pgd'],
    bestEpoch: 1,
    stoppedEarly: false,
    history: [],
  };
  const context = {
    ...contextOf('pgd', {
      policy: {
        minimumCleanAccuracy: 0.5,
        minimumRobustAccuracy: 0.5,
        maximumCleanDrop: 1,
        maximumRobustDrop: 1,
        requireHeldOutAttacks: 2,
      },
    }),
    request: { trigger: 'manual', reason: 'test' },
    logger: silentLogger,
    registry: {
      addCandidate: () => Promise.resolve({ hash: 'c' }),
      recordGate: () => Promise.resolve(),
    },
  } as unknown as HardenContext; // what the stage reads of it
  const { passed, decision } = (await gateStage(context).run({
    directory: '',
    directoryOf: () => '',
    outputOf: (stage) => (stage === 'train' ? trained : evaluated),
  })) as { passed: boolean; decision: { rules: { rule: string; passed: boolean; finding: string }[] } };
  expect(passed).toBe(false);
  expect(decision.rules.filter((rule) => !rule.passed)).toEqual([
    {
      rule: 'held_out_attacks',
      passed: false,
      finding:
        'at least 2 attacks that training did not use: apgd-ce, square-1000 were run; pgd-40 must not decide, because training used it',
    },
  ]);
});
