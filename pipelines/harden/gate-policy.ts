import type { Interval } from '../../src/domain/interval.ts';

/** What the gate knows of one model, measured on the gate split. */
export interface GateMeasurement {
  readonly cleanAccuracy: Interval;
  /** Worst case per example over the held-out attacks. */
  readonly worstCase: Interval;
  /** Names of the held-out attacks that were run. */
  readonly heldOutAttacks: readonly string[];
}

export interface GatePolicy {
  readonly minimumCleanAccuracy: number;
  readonly minimumRobustAccuracy: number;
  readonly maximumCleanDrop: number;
  readonly maximumRobustDrop: number;
  readonly requireHeldOutAttacks: number;
}

export interface GateRule {
  readonly rule: string;
  readonly passed: boolean;
  /** Sentence with the figures: what was demanded, what was measured. */
  readonly finding: string;
}

export interface GateDecision {
  readonly passed: boolean;
  readonly rules: readonly GateRule[];
}

export interface GateInput {
  readonly policy: GatePolicy;
  readonly candidate: GateMeasurement;
  /** The last gated version on the same images; absent when nothing ever passed the gate. */
  readonly champion?: GateMeasurement;
  /** Attack names that training used, which therefore decide nothing. */
  readonly trainingAttacks: readonly string[];
}

/**
 * Decides whether a candidate may be promoted. Absolute bounds are held by the lower confidence limit, so that a small
 * sample cannot pass by luck; comparisons with the champion are on the same images, by point estimates.
 * Every rule is evaluated and reported, also after one has failed.
 */
export function decideGate(input: GateInput): GateDecision {
  const rules = [heldOutRule(input), cleanRule(input), robustRule(input), ...championRules(input)];
  return { passed: rules.every((rule) => rule.passed), rules };
}

function heldOutRule({ policy, candidate, trainingAttacks }: GateInput): GateRule {
  const deciding = [...new Set(candidate.heldOutAttacks)];
  const used = deciding.filter((name) => trainingAttacks.includes(name));
  const heldOut = deciding.filter((name) => !used.includes(name));
  const refusal = used.length === 0 ? '' : `; ${used.join(', ')} must not decide, because training used it`;
  return {
    rule: 'held_out_attacks',
    passed: heldOut.length >= policy.requireHeldOutAttacks && used.length === 0,
    finding: `at least ${policy.requireHeldOutAttacks} attacks that training did not use: ${heldOut.join(', ') || 'none'} were run${refusal}`,
  };
}

function cleanRule({ policy, candidate }: GateInput): GateRule {
  const { cleanAccuracy } = candidate;
  return {
    rule: 'minimum_clean_accuracy',
    passed: cleanAccuracy.lower >= policy.minimumCleanAccuracy,
    finding: `clean accuracy ${show(cleanAccuracy)}: its lower limit must be at least ${percent(policy.minimumCleanAccuracy)}`,
  };
}

function robustRule({ policy, candidate }: GateInput): GateRule {
  const { worstCase } = candidate;
  return {
    rule: 'minimum_robust_accuracy',
    passed: worstCase.lower >= policy.minimumRobustAccuracy,
    finding: `worst case under held-out attacks ${show(worstCase)}: its lower limit must be at least ${percent(policy.minimumRobustAccuracy)}`,
  };
}

function championRules({ policy, candidate, champion }: GateInput): GateRule[] {
  if (champion === undefined) return [];
  return [
    dropRule('maximum_clean_drop', policy.maximumCleanDrop, [
      champion.cleanAccuracy,
      candidate.cleanAccuracy,
    ]),
    dropRule('maximum_robust_drop', policy.maximumRobustDrop, [champion.worstCase, candidate.worstCase]),
  ];
}

function dropRule(rule: string, allowed: number, [before, after]: readonly [Interval, Interval]): GateRule {
  const drop = before.value - after.value;
  return {
    rule,
    passed: drop <= allowed,
    finding: `${percent(before.value)} before, ${percent(after.value)} after: may fall by at most ${percent(allowed)}`,
  };
}

function show({ value, lower, upper, n }: Interval): string {
  return `${percent(value)} [${percent(lower)}, ${percent(upper)}], n ${n}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
