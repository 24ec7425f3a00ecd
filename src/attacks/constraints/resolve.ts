import type { Constraints } from '../../domain/constraints.ts';
import type { ConstraintsConfig } from '../config.ts';

/** What is wrong with constraints, with the path inside them. */
export interface ConstraintMistake {
  readonly path: readonly (string | number)[];
  readonly expected: string;
  readonly got: string;
}

export interface ResolvedConstraints {
  readonly constraints: Constraints;
  /** All of them; empty when the constraints hold together. */
  readonly mistakes: readonly ConstraintMistake[];
}

interface FeatureRule {
  bounds?: readonly [number, number];
  scale?: number;
  change?: 'any' | 'up' | 'down' | 'never';
  whole?: boolean;
}

/**
 * Constraints as people write them, by index or name, as attacks take them, by index and sorted: rules that say the same
 * in other words give equal constraints, and so the same identity of the threat model.
 */
export function resolveConstraints(
  config: ConstraintsConfig,
  { features, range }: { readonly features: number; readonly range: readonly [number, number] },
): ResolvedConstraints {
  const mistakes: ConstraintMistake[] = [];
  const resolver = createResolver(config, features, mistakes);
  const rules = new Map<number, FeatureRule>();
  (config.features ?? []).forEach(({ of, ...said }, i) => {
    const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
    for (const feature of resolver(of, ['features', i, 'of']))
      rules.set(feature, { ...rules.get(feature), ...given });
    mistakes.push(...boundMistakes(said, { path: ['features', i, 'bounds'], range }));
  });
  const oneHot = (config.oneHot ?? []).map((group, i) => sorted(resolver(group, ['oneHot', i])));
  mistakes.push(...groupMistakes(oneHot, rules));
  return { constraints: canonical(rules, oneHot), mistakes };
}

type Resolver = (of: unknown, path: readonly (string | number)[]) => number[];

function createResolver(
  { names }: ConstraintsConfig,
  features: number,
  mistakes: ConstraintMistake[],
): Resolver {
  if (names !== undefined && names.length > features)
    mistakes.push({
      path: ['names'],
      expected: `at most ${features} names, one for each feature`,
      got: `${names.length}`,
    });
  const twice = names?.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    mistakes.push({ path: ['names'], expected: 'different names', got: `"${twice}" twice` });
  const indexOf = (text: string): number => {
    const index = /^\d+$/.test(text) ? Number(text) : (names?.indexOf(text) ?? -1);
    return index < features ? index : -1;
  };
  const resolveOne = (ref: string | number, path: readonly (string | number)[]): number[] => {
    const [first = '', last = first, ...rest] = String(ref).split('..');
    const from = indexOf(first.trim());
    const to = indexOf(last.trim());
    if (from >= 0 && to >= from && rest.length === 0)
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    mistakes.push({
      path,
      expected: `a feature from 0 to ${features - 1}${names === undefined ? '' : ', a name'} or a range such as "0..3"`,
      got: JSON.stringify(ref),
    });
    return [];
  };
  return (of, path) =>
    Array.isArray(of)
      ? of.flatMap((ref: string | number, i) => resolveOne(ref, [...path, i]))
      : resolveOne(of as string | number, path); // the schema lets nothing else through
}

function boundMistakes(
  {
    bounds,
    whole,
  }: { readonly bounds?: readonly [number, number] | undefined; readonly whole?: boolean | undefined },
  {
    path,
    range: [least, most],
  }: { readonly path: readonly (string | number)[]; readonly range: readonly [number, number] },
): ConstraintMistake[] {
  if (bounds === undefined) return [];
  const [low, high] = bounds;
  const got = `[${low}, ${high}]`;
  if (low > high) return [{ path, expected: 'a low end that is not above the high end', got }];
  if (low < least || high > most)
    return [{ path, expected: `bounds inside model.range, ${least} to ${most}`, got }];
  if (whole === true && Math.ceil(low) > Math.floor(high))
    return [{ path, expected: 'bounds with a whole number between them', got }];
  return [];
}

function groupMistakes(
  groups: readonly (readonly number[])[],
  rules: ReadonlyMap<number, FeatureRule>,
): ConstraintMistake[] {
  const mistakes: ConstraintMistake[] = [];
  const seen = new Map<number, number>();
  groups.forEach((group, i) => {
    const path = ['oneHot', i];
    if (group.length < 2)
      mistakes.push({ path, expected: 'a group of two features or more', got: `${group.length}` });
    for (const feature of group) {
      const other = seen.get(feature);
      if (other !== undefined)
        mistakes.push({
          path,
          expected: 'each feature in one group, once',
          got: other === i ? `feature ${feature} twice` : `feature ${feature}, which group ${other} has too`,
        });
      seen.set(feature, i);
      const [low, high] = rules.get(feature)?.bounds ?? [0, 1];
      if (low >= high)
        mistakes.push({
          path,
          expected: 'bounds that differ, off and on',
          got: `feature ${feature} in [${low}, ${high}]`,
        });
    }
  });
  return mistakes;
}

function canonical(
  rules: ReadonlyMap<number, FeatureRule>,
  oneHot: readonly (readonly number[])[],
): Constraints {
  const all = [...rules].sort(([a], [b]) => a - b);
  const having = (test: (rule: FeatureRule) => boolean): number[] =>
    all.filter(([, rule]) => test(rule)).map(([feature]) => feature);
  const lists = {
    bounds: all.flatMap(([j, { bounds }]) => (bounds === undefined ? [] : [[j, ...bounds] as const])),
    scales: all.flatMap(([j, { scale = 1 }]) => (scale === 1 ? [] : [[j, scale] as const])),
    immutable: having(({ change }) => change === 'never'),
    integer: having(({ whole }) => whole === true),
    oneHot: [...oneHot].filter((group) => group.length > 0).sort((a, b) => a[0]! - b[0]!),
    rising: having(({ change }) => change === 'up'),
    falling: having(({ change }) => change === 'down'),
  };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function sorted(features: readonly number[]): number[] {
  return [...features].sort((a, b) => a - b);
}
