import { ATTACKS } from '../../../src/attacks/catalogue.ts';
import { hashJson } from '../../../src/domain/hashing.ts';
import { chooseAttacks, findSuite, SUITES, suiteFor } from '../../../src/evaluation/suites.ts';

const members = (name: string): string[] => findSuite(name)!.members.map((member) => member.name);

test('AutoAttack: the attacks and their order', () => {
  expect(members('autoattack-standard')).toEqual(['apgd-ce', 'apgd-t', 'fab-t', 'square']);
  expect(members('autoattack-plus')).toEqual(['apgd-ce', 'apgd-dlr', 'fab', 'square', 'apgd-t', 'fab-t']);
  expect(members('autoattack-rand')).toEqual(['apgd-ce', 'apgd-dlr']);
});

test('temper-fast has every member of autoattack-standard, so that its worst case is no better', () => {
  const fast = findSuite('temper-fast')!.members;
  for (const member of findSuite('autoattack-standard')!.members) expect(fast).toContainEqual(member);
});

test('a suite that changes gets another version', () => {
  const contents = SUITES.map(({ name, version, members: list, norms }) => [
    `${name} ${version}`,
    hashJson({ members: list, norms }).slice(0, 8),
  ]);
  expect(Object.fromEntries(contents)).toMatchInlineSnapshot(`
   {
     "autoattack-plus 1": "a67f78ba",
     "autoattack-rand 1": "ca2fb11e",
     "autoattack-standard 1": "354e004d",
     "temper-fast 1": "856bf8be",
   }
  `);
});

describe('autoattack-rand', () => {
  const rand = findSuite('autoattack-rand')!;

  test('parameters of the reference', () => {
    const { name, version, recipes } = suiteFor(rand, { norm: 'linf', classes: 10 });
    expect({ name, version }).toEqual({ name: 'autoattack-rand', version: '1' });
    for (const { parameters } of recipes)
      expect(parameters).toEqual({ steps: 100, restarts: 1, rho: 0.75, draws: 20 });
  });

  test('too few classes: the margin takes the place of what needs more', () => {
    expect(suiteFor(rand, { norm: 'linf', classes: 2 }).recipes.map((recipe) => recipe.name)).toEqual([
      'apgd-ce',
      'apgd-margin',
    ]);
  });

  test('a norm it does not know is named', () => {
    expect(() => suiteFor(rand, { norm: 'l0', classes: 10 })).toThrow(
      'suite autoattack-rand works in linf, l2, l1, the threat model asks for l0',
    );
  });
});

const known = new Set(ATTACKS.map((attack) => attack.name));
const runnable = SUITES.filter((suite) => suite.members.every((member) => known.has(member.attack)));

test.each(runnable.map((suite) => [suite.name, suite] as const))(
  '%s can be run in each of its norms',
  (_, suite) => {
    for (const norm of suite.norms) {
      const { recipes } = suiteFor(suite, { norm, classes: 10 });
      expect(recipes.map((recipe) => recipe.name)).toEqual(suite.members.map((member) => member.name));
    }
  },
);

test('names are suites or presets; others are refused with both lists', () => {
  const { suites, recipes } = chooseAttacks(['pgd-10', 'autoattack-rand'], { norm: 'linf', classes: 10 });
  expect(suites.map((suite) => suite.name)).toEqual(['autoattack-rand']);
  expect(recipes.map((recipe) => recipe.name)).toEqual(['pgd-10']);
  expect(() => chooseAttacks(['autoattack-standart'], { norm: 'linf', classes: 10 })).toThrow(
    /got "autoattack-standart"; suites are autoattack-standard, /,
  );
});
