import { AppError } from '../domain/errors.ts';
import type { Parameter, Recipe } from '../domain/recipe.ts';
import { parseRecipe } from './recipe.ts';

interface Family {
  /** How names of the family are written, for people. */
  readonly form: string;
  /** First group: steps or queries; second group: restarts; both may be missing. */
  readonly pattern: RegExp;
  readonly attack: string;
  readonly counts: 'steps' | 'queries';
  readonly parameters?: Readonly<Record<string, Parameter>>;
}

/** Families of named recipes; the numbers in a name are its parameters. */
const FAMILIES: readonly Family[] = [
  { form: 'fgsm', pattern: /^fgsm$/, attack: 'fgsm', counts: 'steps' },
  { form: 'bim-<steps>', pattern: /^bim(?:-(\d+))?$/, attack: 'bim', counts: 'steps' },
  { form: 'mi-fgsm-<steps>', pattern: /^mi-fgsm(?:-(\d+))?$/, attack: 'mi-fgsm', counts: 'steps' },
  { form: 'r-fgsm', pattern: /^r-fgsm$/, attack: 'r-fgsm', counts: 'steps' },
  ...(['ni-fgsm', 'di-fgsm', 'ti-fgsm', 'si-fgsm', 'vmi-fgsm'] as const).map((attack) => ({
    form: `${attack}-<steps>`,
    pattern: new RegExp(`^${attack}(?:-(\\d+))?$`),
    attack,
    counts: 'steps' as const,
  })),
  {
    form: 'trades-pgd[-<steps>][x<restarts>]',
    pattern: /^trades-pgd(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'trades-pgd',
    counts: 'steps',
  },
  {
    form: 'iterative-least-likely[-<steps>]',
    pattern: /^iterative-least-likely(?:-(\d+))?$/,
    attack: 'iterative-least-likely',
    counts: 'steps',
  },
  // The step of Madry's evaluation on digits: 0.01 at epsilon 0.3.
  {
    form: 'pgd-40[x<restarts>]',
    pattern: /^pgd-(40)(?:x(\d+))?$/,
    attack: 'pgd',
    counts: 'steps',
    parameters: { relativeStep: 1 / 30 },
  },
  { form: 'pgd-<steps>[x<restarts>]', pattern: /^pgd-(\d+)(?:x(\d+))?$/, attack: 'pgd', counts: 'steps' },
  {
    form: 'pgd-margin-<steps>[x<restarts>]',
    pattern: /^pgd-margin-(\d+)(?:x(\d+))?$/,
    attack: 'pgd',
    counts: 'steps',
    parameters: { loss: 'margin' },
  },
  {
    form: 'apgd-ce[-<steps>][x<restarts>]',
    pattern: /^apgd-ce(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'apgd-ce',
    counts: 'steps',
  },
  {
    form: 'apgd-dlr[-<steps>][x<restarts>]',
    pattern: /^apgd-dlr(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'apgd-dlr',
    counts: 'steps',
  },
  {
    form: 'apgd-margin[-<steps>][x<restarts>]',
    pattern: /^apgd-margin(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'apgd-margin',
    counts: 'steps',
  },
  {
    form: 'apgd-t[-<steps>][x<restarts>]',
    pattern: /^apgd-t(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'apgd-t',
    counts: 'steps',
  },
  {
    form: 'composed[-<steps>][x<restarts>]',
    pattern: /^composed(?:-(\d+))?(?:x(\d+))?$/,
    attack: 'composed',
    counts: 'steps',
  },
  { form: 'deepfool', pattern: /^deepfool$/, attack: 'deepfool', counts: 'steps' },
  ...(['ddn', 'fmn', 'cw', 'cw-linf', 'ead', 'jsma'] as const).map((attack) => ({
    form: `${attack}[-<steps>]`,
    pattern: new RegExp(`^${attack}(?:-(\\d+))?$`),
    attack,
    counts: 'steps' as const,
  })),
  ...(['fab', 'fab-t'] as const).map((attack) => ({
    form: `${attack}[-<steps>][x<restarts>]`,
    pattern: new RegExp(`^${attack}(?:-(\\d+))?(?:x(\\d+))?$`),
    attack,
    counts: 'steps' as const,
  })),
  {
    form: 'square-<queries>[x<restarts>]',
    pattern: /^square-(\d+)(?:x(\d+))?$/,
    attack: 'square',
    counts: 'queries',
  },
  ...(
    [
      'simba',
      'simba-dct',
      'nes',
      'spsa',
      'hop-skip-jump',
      'boundary',
      'geoda',
      'sign-opt',
      'salt-and-pepper',
      'blended-noise',
    ] as const
  ).map((attack) => ({
    form: `${attack}[-<queries>]`,
    pattern: new RegExp(`^${attack}(?:-(\\d+))?$`),
    attack,
    counts: 'queries' as const,
  })),
  { form: 'spatial', pattern: /^spatial$/, attack: 'spatial', counts: 'queries' },
];

/** How preset names are written, for help texts. */
export const PRESET_FORMS: readonly string[] = [
  ...FAMILIES.map(({ form }) => form),
  '<attack>?<parameter>=<value>&…',
];

/**
 * The recipe that a name stands for, e.g. `pgd-40`, `pgd-40x5`, `apgd-ce`, `square-2000`; or, for every attack of the
 * catalogue, the attack with its parameters, e.g. `pgd?steps=20&loss=margin`.
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN | TEMPER_ATTACK_PARAMETER when a number is out of range
 */
export function presetRecipe(name: string): Recipe {
  for (const { pattern, attack, counts, parameters } of FAMILIES) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const [, count, restarts] = match;
    return parseRecipe({
      name,
      attack,
      parameters: {
        ...parameters,
        ...(count === undefined ? {} : { [counts]: Number(count) }),
        ...(restarts === undefined ? {} : { restarts: Number(restarts) }),
      },
    });
  }
  if (name.includes('?')) return recipeWithParameters(name);
  throw new AppError(
    'TEMPER_ATTACK_UNKNOWN',
    `expected the name of a recipe (${PRESET_FORMS.join(', ')}), got "${name}"`,
  );
}

/** `attack?key=value&key=value`: numbers, true and false are taken as such, the rest as text. */
function recipeWithParameters(name: string): Recipe {
  const at = name.indexOf('?');
  const pairs = name
    .slice(at + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals > 0) return [pair.slice(0, equals), parameterOf(pair.slice(equals + 1))] as const;
      throw new AppError(
        'TEMPER_ATTACK_PARAMETER',
        `${name}: expected key=value after the "?", got "${pair}"`,
      );
    });
  return parseRecipe({
    name: name.slice(0, 100),
    attack: name.slice(0, at),
    parameters: Object.fromEntries<Parameter>(pairs),
  });
}

function parameterOf(text: string): Parameter {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : text;
}
