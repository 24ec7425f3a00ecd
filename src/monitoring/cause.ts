import { z } from 'zod';
import type { Cause } from '../domain/verdict.ts';

const count = z.int().min(0);

/** What the experiment for an alarm measured. A part that could not be measured is absent, and then claims nothing. */
export const causeEvidenceSchema = z.strictObject({
  /** Served scores of the canaries now, against those stored with the baseline. */
  canaries: z
    .strictObject({
      compared: count,
      changed: z.boolean(),
      maximumDifference: z.number().min(0).optional(),
      flipped: count.optional(),
      worse: count.optional(),
      better: count.optional(),
    })
    .optional(),
  /** Classes of replica and served model on the same inputs. */
  replica: z.strictObject({ compared: count, agreed: count }).optional(),
  /** Labelled canaries that the served model misreads. */
  cleanError: z.strictObject({ errors: count, labelled: count }).optional(),
  /** Why the experiment could not be run, for people. */
  failure: z.string().optional(),
});

export type CauseEvidence = z.infer<typeof causeEvidenceSchema>;

/** Kinds of monitors; each alarm comes from one. */
export const MONITOR_KINDS = [
  'risen',
  'fallen',
  'breached',
  'canaries',
  'missing_outcomes',
  'explorer',
] as const;
export type MonitorKind = (typeof MONITOR_KINDS)[number];

export interface AttributionOptions {
  /** The monitor that fired. */
  readonly monitor: MonitorKind;
  readonly evidence: CauseEvidence;
  /** Share of inputs on which replica and served model must agree, in (0, 1]. */
  readonly minimumReplicaAgreement: number;
}

/**
 * Names the cause of an alarm from a controlled experiment. In this order:
 * served canary scores changed → the model; unchanged, but the replica answers otherwise → the replica is stale;
 * unchanged, and the sentinels' risk on traffic rose → the inputs; only an explorer broke what sentinels could not →
 * a new attack. Where canaries could not be compared nothing is said about model or inputs.
 */
export function attributeCause({ monitor, evidence, minimumReplicaAgreement }: AttributionOptions): Cause {
  const { canaries, replica } = evidence;
  const compared = canaries !== undefined && canaries.compared > 0;
  if (compared && canaries.changed) return 'model_changed';
  if (monitor === 'explorer') return 'new_attack';
  if (!compared) return 'unknown';
  if (replica !== undefined && replica.agreed < minimumReplicaAgreement * replica.compared)
    return 'replica_stale';
  if (monitor === 'risen' || monitor === 'breached') return 'inputs_drifted';
  return 'unknown';
}
