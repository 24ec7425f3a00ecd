import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  assertTrusted,
  compareVersions,
  parsePack,
  sealPack,
  type PackFile,
} from '../../../src/attacks/recipe-pack.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { recipeId } from '../../../src/domain/recipe.ts';
import { bookOf } from '../../../src/evaluation/recipe-book.ts';
import { chooseAttacks } from '../../../src/evaluation/suites.ts';

const recipe = parseRecipe({ name: 'find-1', attack: 'composed', parameters: { steps: 7 } });
const FILE: PackFile = {
  schema: 'temper/recipes/1',
  name: 'finds',
  version: '1.2',
  summary: 'Two finds.',
  recipes: [{ ...recipe, id: recipeId(recipe), found: { reward: 0.5 } }],
  suites: [{ name: 'finds-suite', summary: '', recipes: ['find-1'] }],
};
const noKeys = new Map<string, KeyObject>();
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const signed = sealPack(FILE, { name: 'us', key: privateKey });

test('a sealed pack is read back, with the same recipes and hash', () => {
  const pack = parsePack(JSON.parse(JSON.stringify(sealPack(FILE))), 'here');
  expect(pack).toMatchObject({ name: 'finds', version: '1.2', isSealed: true, recipes: [recipe] });
  expect(pack.suites[0]!.recipes).toEqual([recipe]);
  expect(pack.sha256).toBe((signed as { sha256: string }).sha256);
});

/** A file before it is checked. */
interface Loose {
  [key: string]: unknown;
  version: string;
  sha256?: string;
  recipes: { id: string; parameters: Record<string, number> }[];
  suites: { recipes: string[] }[];
}

test.each<[string, (p: Loose) => void, RegExp]>([
  [
    'a changed parameter',
    (p) => {
      p.recipes[0]!.parameters['steps'] = 8;
    },
    /changed after it was sealed/,
  ],
  [
    'an id of something else',
    (p) => {
      p.recipes[0]!.id = '0'.repeat(16);
      delete p.sha256;
    },
    /expected id 0+, got/,
  ],
  [
    'an unknown key',
    (p) => {
      p['extra'] = 1;
    },
    /extra/,
  ],
  [
    'a suite of nothing',
    (p) => {
      p.suites[0]!.recipes = ['x'];
      delete p.sha256;
    },
    /got "x"/,
  ],
  [
    'one name twice',
    (p) => {
      p.recipes.push(p.recipes[0]!);
      delete p.sha256;
    },
    /different names/,
  ],
  [
    'a version in words',
    (p) => {
      p.version = 'newest';
    },
    /version/,
  ],
])('%s is refused', (_, change, message) => {
  const file = JSON.parse(JSON.stringify(sealPack(FILE))) as Loose;
  change(file);
  expect(() => parsePack(file, 'here')).toThrow(message);
});

describe('trust', () => {
  const trust = (file: object, keys = noKeys): void =>
    assertTrusted(parsePack(JSON.parse(JSON.stringify(file)), 'feed'), { keys, where: 'feed' });

  test('a checksum is enough without keys, a signature is needed with them', () => {
    expect(() => trust(sealPack(FILE))).not.toThrow();
    expect(() => trust(FILE)).toThrow(/without sha256/);
    const keys = new Map([['us', publicKey]]);
    expect(() => trust(signed, keys)).not.toThrow();
    expect(() => trust(sealPack(FILE), keys)).toThrow(/a signature of us, got none/);
    expect(() => trust(sealPack(FILE, { name: 'us', key: other.privateKey }), keys)).toThrow(/does not fit/);
    expect(() => trust(sealPack(FILE, { name: 'them', key: privateKey }), keys)).toThrow(/does not fit/);
  });
});

test('names of a book are free, and those of files can be chosen', () => {
  const pack = parsePack(FILE, 'here');
  const book = bookOf([pack]);
  expect(chooseAttacks(['find-1', 'finds-suite'], { norm: 'linf', classes: 10 }, book)).toEqual({
    recipes: [recipe],
    suites: [expect.objectContaining({ name: 'finds-suite', recipes: [recipe] })],
  });
  expect(() => chooseAttacks(['find-2'], { norm: 'linf', classes: 10 }, book)).toThrow(
    /recipe files have find-1/,
  );
  expect(() => bookOf([pack, { ...pack, name: 'again' }])).toThrow(/in pack finds already/);
  for (const name of ['pgd-40', 'autoattack-standard', 'pgd-0'])
    expect(() => bookOf([{ ...pack, recipes: [{ ...recipe, name }] }])).toThrow(/built-in/);
});

test('versions compare by number', () => {
  expect(compareVersions('1.10', '1.9')).toBeGreaterThan(0);
  expect(compareVersions('2', '2.0.0')).toBe(0);
  expect(compareVersions('1.2.3', '2')).toBeLessThan(0);
});
