import type { Constraints } from './constraints.ts';
import type { Criterion } from './criterion.ts';
import { hashJson } from './hashing.ts';

export const NORMS = ['linf', 'l2', 'l1', 'l0'] as const;
export type Norm = (typeof NORMS)[number];

/** What the adversary may see of the target, from most to least. */
export const ACCESSES = ['gradients', 'scores', 'decisions'] as const;
export type Access = (typeof ACCESSES)[number];

/** What an adversary may do to an input, and know of the model. */
export interface ThreatModel {
  readonly norm: Norm;
  /** Largest perturbation, in units of the input (of each feature's scale, where constraints have scales) and the norm. > 0. */
  readonly epsilon: number;
  /** Valid range of every input feature, [low, high]. */
  readonly range: readonly [number, number];
  readonly access: Access;
  /** Forward queries that may be spent on one example; absent: the recipe's own. */
  readonly queryBudget?: number;
  /** What counts as success; absent: plain misclassification. */
  readonly criterion?: Criterion;
  /** What else binds the adversary; absent: nothing. */
  readonly constraints?: Constraints;
}

/** Content address of a threat model, 16 hex digits. */
export function threatModelId(threat: ThreatModel): string {
  return hashJson(threat).slice(0, 16);
}
