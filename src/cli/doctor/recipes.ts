import { AppError } from '../../domain/errors.ts';
import { bad, ok } from './finding.ts';
import type { Check, Finding } from './finding.ts';

/** Every recipe that the configuration names exists and runs under its norm. */
export const checkRecipes: Check = async ({ probing, harden, threatModel }) => {
  const [{ presetRecipe }, { findAttack }] = await Promise.all([
    import('../../attacks/presets.ts'),
    import('../../attacks/catalogue.ts'),
  ]);
  const named: Record<string, readonly string[]> = {
    'probing.sentinels': probing.sentinels,
    'harden.heldOutAttacks': harden.heldOutAttacks,
    'harden.informationalAttacks': harden.informationalAttacks,
  };
  const findings: Finding[] = [];
  for (const [key, names] of Object.entries(named)) {
    for (const name of names) {
      try {
        const { norms } = findAttack(presetRecipe(name).attack);
        if (norms.includes(threatModel.norm)) continue;
        const finding = `${name} of ${key} knows ${norms.join(', ')}, the threat model is ${threatModel.norm}`;
        findings.push(
          bad('recipes', 'fail', {
            finding,
            fix: '`temper attack --list` shows which attacks know which norms',
          }),
        );
      } catch (caught) {
        if (!(caught instanceof AppError)) throw caught;
        findings.push(
          bad('recipes', 'fail', {
            finding: `${key}: ${caught.message}`,
            fix: '`temper attack --list` shows every recipe',
          }),
        );
      }
    }
  }
  const all = Object.values(named).flat();
  return findings.length > 0
    ? findings
    : [ok('recipes', `${[...new Set(all)].join(', ')} exist and know ${threatModel.norm}`)];
};
