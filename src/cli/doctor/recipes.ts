import { AppError } from '../../domain/errors.ts';
import { bad, ok } from './finding.ts';
import type { Check, Finding } from './finding.ts';

/** Every recipe file can be read, and every recipe and suite that the configuration names exists and runs under its norm. */
export const checkRecipes: Check = async ({ attacks, probing, harden, threatModel, model }) => {
  const [{ findAttack }, { chooseAttacks }, { readRecipeFiles, EMPTY_BOOK }] = await Promise.all([
    import('../../attacks/catalogue.ts'),
    import('../../evaluation/suites.ts'),
    import('../../evaluation/recipe-book.ts'),
  ]);
  const findings: Finding[] = [];
  const fail = (finding: string, fix: string): void => {
    findings.push(bad('recipes', 'fail', { finding, fix }));
  };
  const { norm } = threatModel;
  const book = await readRecipeFiles(attacks.recipes).catch((caught: unknown) => {
    if (!(caught instanceof AppError)) throw caught;
    fail(`attacks.recipes: ${caught.message}`, 'docs/attacks.md shows what a recipe file looks like');
    return EMPTY_BOOK;
  });
  const named: Record<string, readonly string[]> = {
    'probing.sentinels': probing.sentinels,
    'probing.explorers.recipes': probing.explorers.recipes,
    'harden.heldOutAttacks': harden.heldOutAttacks,
    'harden.informationalAttacks': harden.informationalAttacks,
    'harden.generatedWith': harden.generatedWith,
  };
  for (const [key, names] of Object.entries(named)) {
    for (const name of names) {
      try {
        const { suites, recipes } = chooseAttacks([name], { norm, classes: model.classes }, book);
        for (const recipe of [...suites.flatMap((suite) => suite.recipes), ...recipes]) {
          const { norms, limits } = findAttack(recipe.attack);
          if (limits === 'own' || norms.includes(norm)) continue;
          const finding = `${name} of ${key} knows ${norms.join(', ')}, the threat model is ${norm}`;
          fail(finding, '`temper attack --list` shows which attacks know which norms');
        }
      } catch (caught) {
        if (!(caught instanceof AppError)) throw caught;
        fail(`${key}: ${caught.message}`, '`temper attack --list` shows every recipe');
      }
    }
  }
  const all = Object.values(named).flat();
  return findings.length > 0
    ? findings
    : [ok('recipes', `${[...new Set(all)].join(', ')} exist and know ${norm}`)];
};
