import type { Interval } from './interval.ts';

export const VERDICTS = ['ok', 'insufficient_data', 'degraded', 'breached'] as const;
export type VerdictKind = (typeof VERDICTS)[number];

export const CAUSES = ['model_changed', 'inputs_drifted', 'new_attack', 'replica_stale', 'unknown'] as const;
export type Cause = (typeof CAUSES)[number];

/** What the monitors say about a model now. Latched until a new baseline or an acknowledgement. */
export interface Verdict {
  readonly model: string;
  /** Version the served model reports. */
  readonly version: string;
  readonly kind: VerdictKind;
  readonly cause?: Cause;
  /** Event time at which it began, ms. */
  readonly sinceMs: number;
  /** Risk of the sentinel that decided, as mean loss with a confidence sequence. */
  readonly risk: Interval;
  /** `name@id` of that sentinel. */
  readonly recipe: string;
  readonly baselineUpper?: number;
  readonly limit: number;
  readonly evidence: Readonly<Record<string, unknown>>;
}
