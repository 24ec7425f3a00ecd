import { hashJson } from '../../domain/hashing.ts';
import type { Parameter, Recipe } from '../../domain/recipe.ts';
import type { Rng } from '../../domain/rng.ts';
import type { Norm } from '../../domain/threat-model.ts';
import {
  COMPOSED_LOSSES,
  COMPOSED_SCHEDULES,
  COMPOSED_STARTS,
  COMPOSED_STEPS,
} from '../definitions/composed.ts';
import { parseRecipe } from '../recipe.ts';

/** What recipes are written for. */
export interface GrammarSubject {
  readonly norm: Norm;
  readonly classes: number;
  readonly isImage: boolean;
}

/**
 * A recipe without its size: one choice for each part. How many steps it takes is decided by the budget that it is tried
 * with, so that all are compared at equal cost.
 */
export interface Genome {
  readonly attack: 'composed' | 'square';
  /** Paths that the budget is divided between. */
  readonly paths: number;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

type Choices = Readonly<Record<string, readonly Parameter[]>>;

const COMPOSED: Choices = {
  start: COMPOSED_STARTS,
  loss: COMPOSED_LOSSES,
  second: [0, 0.25, 0.5, 1],
  third: [0, 0.25, 0.5],
  targets: [0, 0, 0, 2, 4, 9],
  momentum: [0, 0, 0.5, 0.75, 0.9],
  ahead: [false, true],
  diversity: [0, 0, 0, 0.3],
  blocks: [1, 1, 1, 0.75, 0.5],
  step: COMPOSED_STEPS,
  trust: [0.6, 0.75, 0.9],
  movedShare: [0.05, 0.1, 0.2, 0.4],
  schedule: COMPOSED_SCHEDULES,
  relativeStep: [0.1, 0.25, 0.5, 1, 2],
  temperature: [1, 1, 'auto'],
};

const SQUARE: Choices = { firstShare: [0.1, 0.2, 0.4, 0.6, 0.8], rescale: [false, true] };

const PATHS = [1, 1, 2, 4, 8] as const;
/** One in so many is a random search by scores. */
const SQUARE_EVERY = 8;

/** A recipe drawn from the whole grammar. */
export function drawGenome(rng: Rng, subject: GrammarSubject): Genome {
  const canSquare = subject.norm === 'linf' || subject.norm === 'l2';
  const attack = canSquare && rng.below(SQUARE_EVERY) === 0 ? 'square' : 'composed';
  return settle({ attack, paths: pick(rng, PATHS), parameters: drawAll(rng, choicesOf(attack)) }, subject);
}

/** The same with one to three choices drawn anew. */
export function mutateGenome(genome: Genome, rng: Rng, subject: GrammarSubject): Genome {
  const choices = choicesOf(genome.attack);
  const keys = Object.keys(choices);
  const parameters = { ...genome.parameters };
  let { paths } = genome;
  for (let change = 1 + rng.below(3); change > 0; change--) {
    const at = rng.below(keys.length + 1);
    if (at === keys.length) paths = pick(rng, PATHS);
    else parameters[keys[at]!] = pick(rng, choices[keys[at]!]!);
  }
  return settle({ ...genome, paths, parameters }, subject);
}

/** Each choice from one of two of a kind; of two kinds the first. */
export function crossGenomes(
  [first, second]: readonly [Genome, Genome],
  rng: Rng,
  subject: GrammarSubject,
): Genome {
  if (first.attack !== second.attack) return first;
  const parameters = Object.fromEntries(
    Object.keys(choicesOf(first.attack)).map((key) => {
      const value = (rng.below(2) === 0 ? first : second).parameters[key];
      return [key, value!] as const;
    }),
  );
  const { paths } = rng.below(2) === 0 ? first : second;
  return settle({ attack: first.attack, paths, parameters }, subject);
}

/** Where a recipe stands among its kind: of one niche only the best lives on, so that finds differ. */
export function nicheOf({ attack, parameters }: Genome): string {
  if (attack === 'square') return 'square';
  const aim = parameters['targets'] === 0 ? 'away' : 'towards';
  return [parameters['loss'], aim, parameters['start']].join(' ');
}

/**
 * The recipe with the size of a budget. A gradient step costs a forward and a backward pass; a query of a search by
 * scores a forward pass, so that it gets three for each.
 *
 * @param gradients budget per example, 1 or more
 */
export function recipeOf({ attack, paths, parameters }: Genome, gradients: number): Recipe {
  const { size, used } = sizeOf({ attack, paths, parameters }, gradients);
  const sized =
    attack === 'square'
      ? { ...parameters, queries: size, restarts: used }
      : { ...withoutDefaults(parameters), steps: size, restarts: used };
  const name = `x-${hashJson({ attack, sized }).slice(0, 10)}`;
  return parseRecipe({ name, attack, parameters: sized });
}

const LEAST_STEPS = 4;
const QUERIES_PER_GRADIENT = 3;
const START_COST: Readonly<Record<string, number>> = { diversified: 2, corner: 1 };

function sizeOf(
  { attack, paths, parameters }: Genome,
  gradients: number,
): { readonly size: number; readonly used: number } {
  if (attack === 'square') {
    const used = Math.max(1, Math.min(paths, Math.floor(gradients / 20)));
    return { size: Math.max(1, Math.floor((QUERIES_PER_GRADIENT * gradients) / used)), used };
  }
  const aims = Math.max(1, Number(parameters['targets']));
  const cost = START_COST[String(parameters['start'])] ?? 0;
  // Fewer paths rather than paths of no length.
  const most = Math.max(1, Math.floor(gradients / (aims * (LEAST_STEPS + cost))));
  const used = Math.min(paths, most);
  return { size: Math.max(1, Math.floor(gradients / (used * aims)) - cost), used };
}

function choicesOf(attack: Genome['attack']): Choices {
  return attack === 'square' ? SQUARE : COMPOSED;
}

function drawAll(rng: Rng, choices: Choices): Record<string, Parameter> {
  return Object.fromEntries(Object.entries(choices).map(([key, values]) => [key, pick(rng, values)]));
}

function pick<T>(rng: Rng, values: readonly T[]): T {
  return values[rng.below(values.length)]!;
}

/** Choices that say nothing, or that do not go together, get one form: two recipes that do the same are the same. */
function settle(genome: Genome, { classes, isImage, norm }: GrammarSubject): Genome {
  if (genome.attack === 'square') return genome;
  const given = { ...genome.parameters };
  if (classes < 4 && given['loss'] === 'dlr') given['loss'] = 'margin';
  const isRanked = given['loss'] === 'ranked' || given['loss'] === 'ranked-scaled';
  if (isRanked) given['targets'] = 0;
  else [given['second'], given['third']] = [0.5, 0];
  given['targets'] = Math.min(Number(given['targets']), classes - 1);
  if (!isImage) given['diversity'] = 0;
  if (given['momentum'] === 0) given['ahead'] = false;
  if (norm === 'l1') given['step'] = 'sparse';
  if (given['step'] !== 'inertial') given['trust'] = 0.75;
  if (given['step'] !== 'sparse') given['movedShare'] = 0.2;
  // From one point without chance all paths are one.
  const isFixed = given['start'] === 'origin' && given['diversity'] === 0 && given['blocks'] === 1;
  return { ...genome, paths: isFixed ? 1 : genome.paths, parameters: given };
}

/** A temperature of 1 is none. */
function withoutDefaults({ temperature, ...rest }: Genome['parameters']): Record<string, Parameter> {
  return temperature === undefined || temperature === 1 ? rest : { ...rest, temperature };
}
