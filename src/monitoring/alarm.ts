import { z } from 'zod';
import { hashJson } from '../domain/hashing.ts';
import { CAUSES } from '../domain/verdict.ts';
import { intervalSchema } from './baseline.ts';
import { causeEvidenceSchema, MONITOR_KINDS } from './cause.ts';

/** One alarm, from its raising to its resolution. JSON. */
export const alarmSchema = z.strictObject({
  /** hash(model, baseline, monitor, onset): two judges could not alarm twice. */
  id: z.string(),
  status: z.enum(['firing', 'resolved']),
  monitor: z.enum(MONITOR_KINDS),
  /** `breached` is critical, everything else a warning. */
  severity: z.enum(['warning', 'critical']),
  /** Sentinel or explorer that decided, `name@id8`; absent for monitors over all recipes. */
  recipe: z.string().optional(),
  model: z.string(),
  version: z.string(),
  baselineId: z.string().optional(),
  baselineUpper: z.number().optional(),
  /** The level that was crossed. */
  limit: z.number(),
  risk: intervalSchema,
  /** Estimated onset, ms. */
  sinceMs: z.number(),
  /** Time of the entry that raised it, and its number. */
  raisedAtMs: z.number(),
  raisedSeq: z.int(),
  /** Events folded in all when it was raised. */
  raisedAtFold: z.int(),
  /** Sampled events folded since the served version last changed. */
  samplesSinceChange: z.int(),
  /** Numbers behind the decision, for people. */
  evidence: z.record(z.string(), z.unknown()),
  examples: z.array(z.string()),
  cause: z.enum(CAUSES).optional(),
  causeEvidence: causeEvidenceSchema.optional(),
  resolvedAtMs: z.number().optional(),
  resolvedBy: z.enum(['baseline', 'acknowledge']).optional(),
  /** Which of its events the alert port has taken. */
  delivered: z.array(z.enum(['firing', 'resolved'])),
});

export type Alarm = Readonly<z.infer<typeof alarmSchema>>;

export interface AlarmIdentity {
  readonly model: string;
  /** Absent when nothing has passed a gate yet. */
  readonly baselineId?: string | undefined;
  readonly monitor: string;
  readonly onset: number;
}

/** Identity of an alarm, 32 hex digits. */
export function alarmIdOf({ model, baselineId, monitor, onset }: AlarmIdentity): string {
  return hashJson({ model, baselineId: baselineId ?? null, monitor, onset }).slice(0, 32);
}
