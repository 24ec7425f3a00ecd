import { memberOn, type Group, type Rules } from '../../domain/constraints.ts';
import { createMeasure } from '../../domain/distance.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { Box } from './box.ts';

export interface SettlerOptions {
  readonly originals: Float32Array;
  readonly features: number;
  readonly epsilon: number;
  readonly rules: Rules;
  readonly box: Box;
}

/** One choice that the relaxed problem left open: a whole number, or which member of a group is on. */
interface Choice {
  readonly features: readonly number[];
  /** The nearest values that are allowed, and those that are surely inside the ball. */
  readonly near: readonly number[];
  readonly safe: readonly number[];
}

type Settle = (point: Float32Array, example: number) => void;

/**
 * Turns a point of the relaxed problem (inside box and ball) into a feasible one: whole numbers are rounded, groups get
 * the member that is nearest. Where all of that leaves the ball, choices fall back to the side of the original, those
 * first that gain least; a knapsack, solved greedily. Without a norm there is no ball to stay in.
 */
export function createSettler(norm: Norm | undefined, options: SettlerOptions): Settle {
  const { rules, originals, features, epsilon } = options;
  const isDiscrete = rules.groups.length > 0 || rules.integer.includes(1);
  if (!isDiscrete) return () => undefined;
  const measure = createMeasure(norm ?? 'linf', rules);
  return (point, example) => {
    const original = originals.subarray(example * features, (example + 1) * features);
    const isInside = (): boolean =>
      norm === undefined ||
      norm === 'linf' ||
      measure({ values: original, row: 0 }, { values: point, row: 0 }) <= epsilon;
    const choices = choicesOf(point, { original, example, options });
    const gains = new Map(choices.map((choice) => [choice, gainOf(choice, point, rules)]));
    for (const choice of choices) put(point, choice.features, choice.near);
    if (isInside()) return;
    for (const choice of choices) put(point, choice.features, choice.safe);
    choices.sort((a, b) => gains.get(b)! - gains.get(a)!);
    for (const { features: own, near, safe } of choices) {
      put(point, own, near);
      if (!isInside()) put(point, own, safe);
    }
  };
}

interface Place {
  readonly original: Float32Array;
  readonly example: number;
  readonly options: SettlerOptions;
}

function choicesOf(point: Float32Array, place: Place): Choice[] {
  const { rules, features, box } = place.options;
  const from = place.example * features;
  const inGroups = new Set(rules.groups.flatMap(({ members }) => members));
  const choices: Choice[] = [];
  for (let j = 0; j < features; j++) {
    if (rules.integer[j] === 0 || inGroups.has(j)) continue;
    const x = place.original[j]!;
    const wish = point[j]!;
    if (wish === x) continue;
    const near = Math.min(
      Math.max(Math.round(wish), Math.ceil(box.lower[from + j]!)),
      Math.floor(box.upper[from + j]!),
    );
    const safe = wish > x ? Math.floor(wish) : Math.ceil(wish);
    choices.push({ features: [j], near: [near], safe: [safe] });
  }
  for (const group of rules.groups) {
    const choice = choiceOfGroup(group, point, place);
    if (choice !== undefined) choices.push(choice);
  }
  return choices;
}

/** Of the members that may be on, the one whose one-hot vector is nearest; the original's own where they are equally near. */
function choiceOfGroup(
  group: Group,
  point: Float32Array,
  { original, example, options }: Place,
): Choice | undefined {
  const { members, off, on } = group;
  const { box, features, rules } = options;
  const current = memberOn(group, original);
  if (current < 0) return undefined;
  const from = example * features;
  const valuesWith = (k: number): number[] => members.map((_, i) => (i === k ? on[i]! : off[i]!));
  const isOpen = (k: number): boolean =>
    valuesWith(k).every((value, i) => {
      const j = from + members[i]!;
      return value >= box.lower[j]! && value <= box.upper[j]!;
    });
  const squares = (k: number): number =>
    valuesWith(k).reduce(
      (sum, value, i) => sum + ((point[members[i]!]! - value) / rules.scales[members[i]!]!) ** 2,
      0,
    );
  let best = current;
  for (let k = 0; k < members.length; k++)
    if (k !== current && isOpen(k) && squares(k) < squares(best)) best = k;
  return { features: members, near: valuesWith(best), safe: valuesWith(current) };
}

/** By how much nearer to the wish the near values are than the safe ones, in squares of the scale. */
function gainOf({ features, near, safe }: Choice, point: Float32Array, { scales }: Rules): number {
  return features.reduce((gain, j, i) => {
    const wish = point[j]!;
    return gain + ((wish - safe[i]!) ** 2 - (wish - near[i]!) ** 2) / scales[j]! ** 2;
  }, 0);
}

function put(point: Float32Array, features: readonly number[], values: readonly number[]): void {
  features.forEach((j, i) => (point[j] = values[i]!));
}
