import { presetRecipe } from '../attacks/presets.ts';
import type { RecipeSuite } from '../attacks/recipe-pack.ts';
import { parseRecipe } from '../attacks/recipe.ts';
import { AppError, hasCode, toError } from '../domain/errors.ts';
import type { Parameter, Recipe } from '../domain/recipe.ts';
import type { Norm } from '../domain/threat-model.ts';

/** What a suite is run on: attacks differ between norms, and some need more classes than a model may have. */
export interface SuiteSubject {
  readonly norm: Norm;
  readonly classes: number;
}

interface Member {
  /** Name of the recipe in results; the reference's own where there is one. */
  readonly name: string;
  readonly attack: string;
  readonly parameters?: Readonly<Record<string, Parameter>>;
  /** What changes in L1. */
  readonly inL1?: Readonly<Record<string, Parameter>>;
  /** Fewest classes it works with; below, APGD on the margin takes its place. */
  readonly classes?: number;
}

export interface SuiteDefinition {
  readonly name: string;
  /** Changes whenever a member, a parameter or the order does: results of different versions do not compare. */
  readonly version: string;
  readonly summary: string;
  readonly norms: readonly Norm[];
  /** In the order in which they run, each on what those before left standing. */
  readonly members: readonly Member[];
}

/** A suite for one subject, ready to run. */
export interface Suite {
  readonly name: string;
  readonly version: string;
  readonly recipes: readonly Recipe[];
}

const IN_L1 = { shrinkingBall: true } as const;

const apgdCe: Member = { name: 'apgd-ce', attack: 'apgd-ce', inL1: { ...IN_L1, restarts: 5 } };
const apgdTargeted: Member = {
  name: 'apgd-t',
  attack: 'apgd-t',
  parameters: { targets: 9 },
  inL1: { ...IN_L1, targets: 5 },
  classes: 4,
};
const fabTargeted: Member = { name: 'fab-t', attack: 'fab-t', parameters: { targets: 9, restarts: 1 } };
const square: Member = { name: 'square', attack: 'square', parameters: { queries: 5000, restarts: 1 } };

const norms = ['linf', 'l2', 'l1'] as const;

/**
 * Suites are data. Those of AutoAttack have its attacks, order and parameters (Croce & Hein 2020, arXiv 2003.01690, and
 * its reference implementation); the worst case per example is the verdict.
 */
export const SUITES: readonly SuiteDefinition[] = [
  {
    name: 'autoattack-standard',
    version: '1',
    summary: 'AutoAttack standard: the verdict that papers report.',
    norms,
    members: [apgdCe, apgdTargeted, fabTargeted, square],
  },
  {
    name: 'autoattack-plus',
    version: '1',
    summary: 'AutoAttack plus: more restarts, and the untargeted attacks too.',
    norms,
    members: [
      { name: 'apgd-ce', attack: 'apgd-ce', parameters: { restarts: 5 } },
      { name: 'apgd-dlr', attack: 'apgd-dlr', parameters: { restarts: 5 }, classes: 3 },
      { name: 'fab', attack: 'fab', parameters: { restarts: 5 } },
      square,
      { name: 'apgd-t', attack: 'apgd-t', parameters: { targets: 9 }, classes: 4 },
      fabTargeted,
    ],
  },
  {
    name: 'autoattack-rand',
    version: '1',
    summary: 'AutoAttack rand, for models that answer at random: gradients averaged over 20 draws.',
    norms,
    members: [
      { name: 'apgd-ce', attack: 'apgd-ce', parameters: { draws: 20 } },
      { name: 'apgd-dlr', attack: 'apgd-dlr', parameters: { draws: 20 }, classes: 3 },
    ],
  },
  {
    name: 'temper-fast',
    version: '1',
    summary: 'The worst case of autoattack-standard, cheapest attack first.',
    norms,
    members: [
      { name: 'fgsm', attack: 'fgsm' },
      { name: 'pgd-margin-10', attack: 'pgd', parameters: { steps: 10, loss: 'margin' } },
      apgdCe,
      apgdTargeted,
      fabTargeted,
      square,
    ],
  },
];

export function findSuite(name: string): SuiteDefinition | undefined {
  return SUITES.find((suite) => suite.name === name);
}

/**
 * The recipes of a suite for one subject.
 * @throws {AppError} TEMPER_ATTACK_PARAMETER when the suite does not know the norm | TEMPER_ATTACK_UNKNOWN
 */
export function suiteFor(
  { name, version, norms: known, members }: SuiteDefinition,
  subject: SuiteSubject,
): Suite {
  if (!known.includes(subject.norm))
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `suite ${name} works in ${known.join(', ')}, the threat model asks for ${subject.norm}`,
    );
  const recipes = new Map<string, Recipe>();
  for (const member of members) {
    const recipe = recipeOf(member, subject);
    recipes.set(recipe.name, recipe);
  }
  return { name, version, recipes: [...recipes.values()] };
}

function recipeOf(member: Member, { norm, classes }: SuiteSubject): Recipe {
  const { name, attack, parameters = {}, inL1 = {}, classes: least = 2 } = member;
  if (classes < least) return parseRecipe({ name: 'apgd-margin', attack: 'apgd-margin' });
  return parseRecipe({ name, attack, parameters: { ...parameters, ...(norm === 'l1' ? inL1 : {}) } });
}

/** What a list of names stands for: suites, and ready-made recipes. */
export interface ChosenAttacks {
  readonly suites: readonly Suite[];
  readonly recipes: readonly Recipe[];
}

/** Recipes and suites from files, beside the built-in ones. */
interface Known {
  readonly recipes: readonly Recipe[];
  readonly suites: readonly RecipeSuite[];
}

/**
 * @param names suites and presets, e.g. `autoattack-standard`, `pgd-40`, or those of recipe files
 * @param known what recipe files have brought
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER
 */
export function chooseAttacks(names: readonly string[], subject: SuiteSubject, known?: Known): ChosenAttacks {
  const suites: Suite[] = [];
  const recipes: Recipe[] = [];
  for (const name of names) {
    const suite = findSuite(name);
    const own = known?.suites.find((one) => one.name === name);
    if (suite !== undefined) suites.push(suiteFor(suite, subject));
    else if (own !== undefined) suites.push(own);
    else recipes.push(recipeNamed(name, known));
  }
  return { suites, recipes };
}

/**
 * A recipe by its name, of a recipe file or ready-made.
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER
 */
export function recipeNamed(name: string, known?: Known): Recipe {
  const own = known?.recipes.find((recipe) => recipe.name === name);
  if (own !== undefined) return own;
  try {
    return presetRecipe(name);
  } catch (caught) {
    if (!hasCode(caught, 'TEMPER_ATTACK_UNKNOWN')) throw caught;
    const suites = [...SUITES, ...(known?.suites ?? [])].map((suite) => suite.name).join(', ');
    const files = known?.recipes.map((recipe) => recipe.name).join(', ') ?? '';
    const others = files === '' ? '' : `; recipe files have ${files}`;
    throw new AppError('TEMPER_ATTACK_UNKNOWN', `${toError(caught).message}; suites are ${suites}${others}`);
  }
}
