import { ATTACKS, findAttack } from '../../../src/attacks/catalogue.ts';
import { PRESET_FORMS, presetRecipe } from '../../../src/attacks/presets.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { recipeId } from '../../../src/domain/recipe.ts';

describe('presets', () => {
  test.each([
    ['fgsm', 'fgsm', {}],
    ['bim-10', 'bim', { steps: 10, relativeStep: 0.2 }],
    ['pgd-10', 'pgd', { steps: 10, restarts: 1, start: 'uniform', loss: 'ce' }],
    ['pgd-40', 'pgd', { steps: 40, restarts: 1, relativeStep: 1 / 30 }],
    ['pgd-40x5', 'pgd', { steps: 40, restarts: 5, relativeStep: 1 / 30 }],
    ['pgd-20', 'pgd', { steps: 20 }],
    ['pgd-margin-20x2', 'pgd', { steps: 20, restarts: 2, loss: 'margin' }],
    ['apgd-ce', 'apgd-ce', { steps: 100, restarts: 1, rho: 0.75, draws: 1 }],
    ['apgd-ce-50x3', 'apgd-ce', { steps: 50, restarts: 3 }],
    ['apgd-t', 'apgd-t', { steps: 100, targets: 9 }],
    ['square-200', 'square', { queries: 200, rescale: false, firstShare: 0.8 }],
    ['square-5000', 'square', { queries: 5000 }],
    ['simba-dct-300', 'simba-dct', { queries: 300, firstFrequencies: 14, stride: 7 }],
    ['simba', 'simba', { queries: 10_000, loss: 'margin' }],
    ['nes-2000', 'nes', { queries: 2_000, samples: 50, decay: 0.9 }],
    ['spsa', 'spsa', { samples: 128, radius: 0.01 }],
    ['hop-skip-jump', 'hop-skip-jump', { queries: 10_000, firstVotes: 100, guesses: 100 }],
    ['boundary-2000', 'boundary', { queries: 2_000, adaptation: 1.5 }],
    ['salt-and-pepper-50', 'salt-and-pepper', { queries: 50 }],
    ['blended-noise', 'blended-noise', { queries: 1_000 }],
    ['iterative-least-likely', 'iterative-least-likely', { steps: 10 }],
    ['deepfool', 'deepfool', { steps: 50, candidates: 9, overshoot: 0.02 }],
    ['ddn', 'ddn', { steps: 100 }],
    ['fmn-30', 'fmn', { steps: 30, adaptation: 0.05, lastAdaptation: 0.001 }],
    ['cw-200', 'cw', { steps: 200, searches: 9, confidence: 0 }],
    ['ead', 'ead', { steps: 1000 }],
    ['fab-20x3', 'fab', { steps: 20, restarts: 3 }],
    ['fab-t', 'fab-t', { steps: 100, restarts: 1, targets: 9 }],
    ['fab-t-50x2', 'fab-t', { steps: 50, restarts: 2 }],
  ])('%s', (name, attack, parameters) => {
    const recipe = presetRecipe(name);
    expect(recipe).toMatchObject({ name, attack, parameters });
    expect(findAttack(recipe.attack).prepare(recipe.parameters)).toBeInstanceOf(Function);
  });

  test('ids: the name is no part of it, the parameters are, and defaults may be written down or left out', () => {
    const ids = ['pgd-10', 'pgd-20', 'pgd-40', 'pgd-40x5', 'apgd-ce', 'apgd-dlr', 'square-200', 'fgsm'].map(
      (name) => recipeId(presetRecipe(name)),
    );
    expect(new Set(ids).size).toBe(ids.length);
    const short = parseRecipe({ name: 'mine', attack: 'pgd', parameters: { steps: 20 } });
    const long = parseRecipe({
      name: 'other',
      attack: 'pgd',
      parameters: { loss: 'ce', steps: 20, restarts: 1 },
    });
    expect(recipeId(short)).toBe(recipeId(long));
    expect(recipeId(short)).toBe(recipeId(presetRecipe('pgd-20')));
  });

  test('ids do not move: a sentinel is compared over time', () => {
    expect(['pgd-20', 'apgd-ce', 'square-2000', 'fgsm'].map((name) => recipeId(presetRecipe(name)))).toEqual([
      '31df41b8e8d13aca',
      '02556b3626560d52',
      '6e230c380550f226',
      '5dc52d546eef60ba',
    ]);
  });

  test.each(['pgd', 'pgd-', 'square', 'PGD-40', 'pgd-40x', 'fgsm-2', ''])('"%s" is no preset', (name) => {
    expect(() => presetRecipe(name)).toThrow(`got "${name}"`);
    expect(() => presetRecipe(name)).toThrow(PRESET_FORMS[0]);
  });

  test('numbers out of range name the parameter', () => {
    expect(() => presetRecipe('pgd-0')).toThrow(/Parameters of attack pgd: steps: .*>=1/);
  });
});

describe('recipes', () => {
  test.each([
    [{ name: 'x', attack: 'nope' }, /expected an attack of the catalogue \(fgsm.*got "nope"/],
    [{ name: 'x', attack: 'pgd', parameters: { stpes: 3 } }, /stpes.*It takes steps, restarts/s],
    [{ name: 'x', attack: 'pgd', parameters: { steps: 1.5, loss: 'l' } }, /steps: .*loss: /s],
    [{ attack: 'pgd' }, /name: /],
    [{ name: 'x', attack: 'pgd', norm: 'linf' }, /norm/],
    ['pgd', /expected a recipe/],
    [null, /expected a recipe/],
  ])('%p is refused', (given, message) => {
    expect(() => parseRecipe(given)).toThrow(message);
  });
});

describe('catalogue', () => {
  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))('%s is described', (name, attack) => {
    expect(findAttack(name)).toBe(attack);
    expect(attack.summary).toMatch(/\.$/);
    expect(attack.norms.length).toBeGreaterThan(0);
    expect(attack.threatClass).toMatch(/^ATLAS AML\.T0043\.00\d .* NIST AI 100-2 /);
    for (const parameter of Object.values(attack.parameters.shape))
      expect(parameter.description).toMatch(/Default|default/);
    attack.prepare({});
  });
});
