/**
 * What else than norm and range binds an adversary whose inputs are not images. Features are named by their index in the
 * flattened input. Lists are sorted by feature, so that equal constraints have equal JSON; empty ones are absent.
 */
export interface Constraints {
  /** Least and largest value of a feature. */
  readonly bounds?: readonly (readonly [feature: number, low: number, high: number])[];
  /** What counts as a change of 1: distances are measured in units of it. Default 1. */
  readonly scales?: readonly (readonly [feature: number, scale: number])[];
  /** Features that the adversary cannot change. */
  readonly immutable?: readonly number[];
  /** Features that are whole numbers. */
  readonly integer?: readonly number[];
  /** Groups of features of which exactly one is on (the high end of its bounds, else 1), the others off (the low end, else 0). */
  readonly oneHot?: readonly (readonly number[])[];
  /** Features that may only grow, and only shrink. */
  readonly rising?: readonly number[];
  readonly falling?: readonly number[];
}

/** Constraints and range with one entry per feature. */
export interface Rules {
  readonly features: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly scales: Float64Array;
  readonly mayRise: Uint8Array;
  readonly mayFall: Uint8Array;
  readonly integer: Uint8Array;
  readonly groups: readonly Group[];
}

/** A one-hot group. */
export interface Group {
  readonly members: readonly number[];
  /** What each member is when off and when on. */
  readonly off: readonly number[];
  readonly on: readonly number[];
}

export function rulesOf(
  {
    bounds = [],
    scales = [],
    immutable = [],
    integer = [],
    oneHot = [],
    rising = [],
    falling = [],
  }: Constraints,
  { features, range: [least, most] }: { features: number; range: readonly [number, number] },
): Rules {
  const low = new Float64Array(features).fill(least);
  const high = new Float64Array(features).fill(most);
  const given = new Map(bounds.map(([feature, lower, upper]) => [feature, [lower, upper] as const]));
  for (const [feature, [lower, upper]] of given) {
    // As the values are: a bound of 0.1 is meant for a float32 of 0.1, which is a little more.
    low[feature] = Math.max(least, Math.fround(lower));
    high[feature] = Math.min(most, Math.fround(upper));
  }
  const scale = new Float64Array(features).fill(1);
  for (const [feature, size] of scales) scale[feature] = size;
  const without = (...lists: (readonly number[])[]): Uint8Array => {
    const flags = new Uint8Array(features).fill(1);
    for (const feature of lists.flat()) flags[feature] = 0;
    return flags;
  };
  return {
    features,
    low,
    high,
    scales: scale,
    mayRise: without(immutable, falling),
    mayFall: without(immutable, rising),
    integer: without(integer).map((flag) => 1 - flag),
    groups: oneHot.map((members) => ({
      members,
      off: members.map((feature) => Math.fround(given.get(feature)?.[0] ?? 0)),
      on: members.map((feature) => Math.fround(given.get(feature)?.[1] ?? 1)),
    })),
  };
}

/** Position in the group of the member that is on, or −1 where not exactly one is on and all others off. */
export function memberOn({ members, off, on }: Group, values: Float32Array): number {
  let found = -1;
  for (let k = 0; k < members.length; k++) {
    const value = values[members[k]!]!;
    if (value === off[k]) continue;
    if (value !== on[k] || found >= 0) return -1;
    found = k;
  }
  return found;
}

/**
 * 1 for the features of an original that break their own rule: out of bounds, not whole, in a group that is not one-hot.
 * Real data do that. Such a feature is left as it is, so that the original itself always is feasible.
 */
export function brokenFeatures(
  { features, low, high, integer, groups }: Rules,
  original: Float32Array,
): Uint8Array {
  const broken = new Uint8Array(features);
  for (let j = 0; j < features; j++) {
    const x = original[j]!;
    if (!(x >= low[j]! && x <= high[j]!) || (integer[j] === 1 && !Number.isInteger(x))) broken[j] = 1;
  }
  for (const group of groups) {
    const isBroken = memberOn(group, original) < 0 || group.members.some((j) => broken[j] === 1);
    if (isBroken) for (const j of group.members) broken[j] = 1;
  }
  return broken;
}

/** Whether an adversary may turn `original` into `candidate`, both of shape [features]. Exact: no tolerance. */
export function isFeasible(rules: Rules, candidate: Float32Array, original: Float32Array): boolean {
  const broken = brokenFeatures(rules, original);
  const { features, low, high, mayRise, mayFall, integer, groups } = rules;
  for (let j = 0; j < features; j++) {
    const x = candidate[j]!;
    const before = original[j]!;
    if (x === before) continue;
    const isInside = x >= low[j]! && x <= high[j]!;
    const isAllowed = x > before ? mayRise[j] === 1 : mayFall[j] === 1;
    const isWhole = integer[j] === 0 || Number.isInteger(x);
    if (broken[j] === 1 || !isInside || !isAllowed || !isWhole) return false;
  }
  return groups.every((group) => broken[group.members[0]!] === 1 || memberOn(group, candidate) >= 0);
}
