import { z } from 'zod';
import { CAUSES } from '../domain/verdict.ts';
import type { Alarm } from './alarm.ts';
import { runbookLink } from './runbook-link.ts';

const details = z.record(z.string(), z.unknown());

/** The body of an alert, on the topic and in webhooks. Additions are fine, changes are breaking. */
export const degradationEventSchema = z.strictObject({
  schema: z.literal('temper/degradation/1'),
  /** Stable id of the alarm: firing and resolved carry the same. */
  id: z.string().min(1),
  status: z.enum(['firing', 'resolved']),
  model: z.strictObject({ name: z.string(), version: z.string() }),
  severity: z.enum(['warning', 'critical']),
  cause: z.enum(CAUSES),
  /** Estimated onset, RFC 3339 in UTC. */
  since: z.iso.datetime(),
  risk: z.strictObject({
    value: z.number(),
    lower: z.number(),
    upper: z.number(),
    confidence: z.number(),
  }),
  /** Absent when the model never passed a gate. */
  baseline: z.strictObject({ upper: z.number() }).optional(),
  /** The level that was crossed. */
  limit: z.number(),
  /** `name@id8`; empty for monitors over all recipes. */
  recipe: z.string(),
  evidence: z.strictObject({
    canary_risk: details,
    clean_error: details,
    input_drift: details,
    replica_agreement: details,
    monitor: details,
  }),
  /** Sample ids. */
  examples: z.array(z.string()),
  links: z.strictObject({
    dashboard: z.string().optional(),
    runbook: z.string().optional(),
    status: z.string().optional(),
  }),
});

export type DegradationEvent = z.infer<typeof degradationEventSchema>;
export type AlertLinks = DegradationEvent['links'];

/** Builds the event of an alarm as it stands: firing until it is resolved. A cause not yet known is `unknown`. */
export function computeDegradationEvent(alarm: Alarm, links: AlertLinks): DegradationEvent {
  const { value, lower, upper, confidence } = alarm.risk;
  return {
    schema: 'temper/degradation/1',
    id: alarm.id,
    status: alarm.status,
    model: { name: alarm.model, version: alarm.version },
    severity: alarm.severity,
    cause: alarm.cause ?? 'unknown',
    since: new Date(alarm.sinceMs).toISOString(),
    risk: { value, lower, upper, confidence },
    ...(alarm.baselineUpper !== undefined && { baseline: { upper: alarm.baselineUpper } }),
    limit: alarm.limit,
    recipe: alarm.recipe ?? '',
    evidence: eventEvidence(alarm),
    examples: [...alarm.examples],
    links: {
      ...links,
      ...(links.runbook !== undefined && { runbook: runbookLink(links.runbook, alarm) }),
    },
  };
}

/** The experiment's findings under the names of the contract; a part that was not measured is an empty object. */
function eventEvidence({ causeEvidence, evidence, monitor }: Alarm): DegradationEvent['evidence'] {
  return {
    canary_risk: { ...causeEvidence?.canaries },
    clean_error: { ...causeEvidence?.cleanError },
    input_drift: {},
    replica_agreement: { ...causeEvidence?.replica },
    monitor: { kind: monitor, ...evidence },
  };
}
