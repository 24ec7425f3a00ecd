import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { CAUSES } from '../domain/verdict.ts';
import { baselineSchema } from './baseline.ts';
import { causeEvidenceSchema } from './cause.ts';
import { judgeSettingsSchema } from './judge-settings.ts';

/**
 * The fold log is the order in which things were judged: every entry has a number, and folding the entries by number
 * gives the same state, byte for byte. It holds everything the judge looks at, and nothing is judged before it is in it.
 */

const share = z.number().min(0).max(1);
const count = z.int().min(0);

/** A version passed the gate and was measured on untouched data; one baseline per sentinel. Applies once it is served. */
export const baselineEntrySchema = z.strictObject({
  kind: z.literal('baseline'),
  atMs: z.number(),
  baselines: z.array(baselineSchema).min(1),
});

/** The served model reports this version from now on. */
export const versionEntrySchema = z.strictObject({
  kind: z.literal('version'),
  atMs: z.number(),
  version: z.string().min(1),
});

/** One recipe's batch mean over the rows of one event. */
export const recipeObservationSchema = z.strictObject({
  /** `name@id8`. */
  recipe: z.string().min(1),
  recipeId: z.string().min(1),
  /** Mean loss with missing outcomes as 0. */
  lossLower: share,
  /** Mean loss with missing outcomes as 1; the difference is the share of rows without an outcome. */
  lossUpper: share,
  /** Share of rows on which the attack succeeded, missing ones not counted as success. */
  binary: share,
  /** A sample that was broken, for people to look at. */
  example: z.string().optional(),
});

/** One cluster: the rows of one event, folded as one observation because they are not separate evidence. */
export const observationEntrySchema = z.strictObject({
  kind: z.literal('observation'),
  /** Sentinels fold in order, and are compared with the baseline; explorers fold apart, when they are ready. */
  lane: z.enum(['sentinel', 'explorer']),
  eventId: z.string().min(1),
  position: z.strictObject({ source: z.string(), partition: count, offset: count }),
  eventTimeMs: z.number(),
  /** Version that was probed; absent when the server does not report one. */
  version: z.string().optional(),
  rows: z.int().min(1),
  recipes: z.array(recipeObservationSchema).min(1),
  /** Explorer lane only: the sentinels' worst loss on the same rows, for the paired comparison. */
  sentinelLoss: share.optional(),
  /** Rows on which replica and served model gave the same class, and replica adversarials that fooled the served model. */
  replica: z.strictObject({ compared: count, agreed: count, fooled: count, transferred: count }).optional(),
});

/** Result of one round of canaries, against the outcomes stored with the baseline. */
export const canariesEntrySchema = z.strictObject({
  kind: z.literal('canaries'),
  atMs: z.number(),
  setId: z.string().min(1),
  round: count,
  /** Version that answered; absent when the server does not report one. */
  version: z.string().optional(),
  /** Canaries that could be compared. */
  compared: count,
  /** Whether any served score moved beyond the wire's rounding. */
  changed: z.boolean(),
  maximumDifference: z.number().min(0).optional(),
  /** Canaries whose outcome is worse (withstood, now broken) and better; absent when they were not probed. */
  worse: count.optional(),
  better: count.optional(),
  /** Misread canaries among the labelled ones. */
  errors: count.optional(),
  labelled: count.optional(),
});

/** What the experiment found for an alarm. */
export const causeEntrySchema = z.strictObject({
  kind: z.literal('cause'),
  atMs: z.number(),
  alarmId: z.string().min(1),
  cause: z.enum(CAUSES),
  evidence: causeEvidenceSchema,
});

/** Somebody has seen the alarms and accepts the risk as it is measured now. */
export const acknowledgeEntrySchema = z.strictObject({
  kind: z.literal('acknowledge'),
  atMs: z.number(),
  actor: z.string().min(1),
  reason: z.string().min(1),
  /** One alarm; absent: all that fire. */
  alarmId: z.string().optional(),
});

/** The settings by which everything after it is judged. The first entry of every log is one. */
export const thresholdEntrySchema = z.strictObject({
  kind: z.literal('threshold'),
  atMs: z.number(),
  settings: judgeSettingsSchema,
});

/** An alarm's event reached the alert port, so that a restart does not send it again. */
export const deliveredEntrySchema = z.strictObject({
  kind: z.literal('delivered'),
  atMs: z.number(),
  alarmId: z.string().min(1),
  status: z.enum(['firing', 'resolved']),
});

export const foldEntrySchema = z.discriminatedUnion('kind', [
  baselineEntrySchema,
  versionEntrySchema,
  observationEntrySchema,
  canariesEntrySchema,
  causeEntrySchema,
  acknowledgeEntrySchema,
  thresholdEntrySchema,
  deliveredEntrySchema,
]);

export type RecipeObservation = z.infer<typeof recipeObservationSchema>;
export type BaselineEntry = z.infer<typeof baselineEntrySchema>;
export type VersionEntry = z.infer<typeof versionEntrySchema>;
export type ObservationEntry = z.infer<typeof observationEntrySchema>;
export type CanariesEntry = z.infer<typeof canariesEntrySchema>;
export type CauseEntry = z.infer<typeof causeEntrySchema>;
export type AcknowledgeEntry = z.infer<typeof acknowledgeEntrySchema>;
export type ThresholdEntry = z.infer<typeof thresholdEntrySchema>;
export type DeliveredEntry = z.infer<typeof deliveredEntrySchema>;
export type FoldEntry = z.infer<typeof foldEntrySchema>;

/** What callers may append besides observations; the judge writes causes and deliveries itself. */
export type ControlEntry = BaselineEntry | VersionEntry | CanariesEntry | AcknowledgeEntry;

/** An entry with its place in the log; numbers start at 1 and have no gaps. */
export interface NumberedEntry {
  readonly seq: number;
  readonly entry: FoldEntry;
}

/** Checks an entry that comes from outside (a store row, a request). @throws {AppError} TEMPER_FOLD_LOG_BROKEN */
export function parseFoldEntry(value: unknown, where: string): FoldEntry {
  const parsed = foldEntrySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new AppError('TEMPER_FOLD_LOG_BROKEN', `expected a fold log entry at ${where}, got ${problems}`);
}
