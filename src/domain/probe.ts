import { hashJson } from './hashing.ts';

/** Why a probe exists: comparable over time, or a first try. */
export const PROBE_ROLES = ['sentinel', 'explorer'] as const;
export type ProbeRole = (typeof PROBE_ROLES)[number];

export const UNPROBEABLE_REASONS = [
  'served_rejected_input',
  'served_unreachable',
  'served_answer_malformed',
  'replica_unavailable',
  'input_shape_mismatch',
] as const;
export type UnprobeableReason = (typeof UNPROBEABLE_REASONS)[number];

/** What a probe measured when it ran to its end. */
export interface ProbeMeasurement {
  /** Whether the served model changed its answer within epsilon. */
  readonly success: boolean;
  /** Smallest confirmed adversarial distance, in the threat model's norm; absent when nothing succeeded. */
  readonly distance?: number;
  /** L = 1 − min(d, ε)/ε in [0, 1]: 1 if the clean input is already misread, 0 if nothing succeeded. */
  readonly loss: number;
  /** Served model's class on the clean and on the adversarial input. */
  readonly predictionBefore: number;
  readonly predictionAfter: number;
  /** Whether the replica's class on the clean input equals the served one. */
  readonly replicaAgrees: boolean;
  /** Whether an adversarial that fools the replica also fools the served model; absent when the replica held. */
  readonly transferred?: boolean;
  readonly forwardQueries: number;
  readonly gradientQueries: number;
  readonly servedQueries: number;
}

/** Every probe ends in exactly one of these. */
export type Outcome =
  | { readonly kind: 'done'; readonly measurement: ProbeMeasurement }
  | { readonly kind: 'unprobeable'; readonly reason: UnprobeableReason }
  | { readonly kind: 'expired' };

/** What makes a probe the same probe: running it twice is one row. */
export interface ProbeKey {
  readonly sampleId: string;
  readonly recipeId: string;
  readonly threatModelId: string;
  readonly targetVersion: string;
  /** 0 for traffic; the round's number for canaries, so that repeats do not collide. */
  readonly round: number;
}

/** Content address of a probe, 32 hex digits. */
export function probeId(key: ProbeKey): string {
  return hashJson(key).slice(0, 32);
}

export interface Probe {
  readonly key: ProbeKey;
  readonly role: ProbeRole;
  readonly outcome: Outcome;
  /** The confirmed adversarial input; absent unless the probe succeeded. */
  readonly adversarial?: Float32Array;
}
