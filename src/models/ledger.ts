/**
 * The append-only record of what happened to a model: one JSON line per event, each with the hash of the line before,
 * so that a changed, removed or inserted line is found and named. Pure functions over the text, plus a durable append.
 */
import { open, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { canonicalJson, sha256 } from '../domain/hashing.ts';
import type { Lock } from './lock.ts';
import { readIfThere, sync } from './registry-files.ts';

/** What a gate decided and what it looked at. */
export const gateDecisionSchema = z.strictObject({
  decision: z.enum(['pass', 'fail']),
  /** Figures and rules that decided, for people and audits. */
  evidence: z.record(z.string(), z.json()),
});
export type GateDecision = z.infer<typeof gateDecisionSchema>;

const publication = {
  version: z.int().positive(),
  /** Content address of what was published. */
  candidate: z.string(),
  actor: z.string(),
  reason: z.string(),
  runId: z.string().optional(),
};

const eventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('gate'),
    candidate: z.string(),
    actor: z.string(),
    runId: z.string().optional(),
    gate: gateDecisionSchema,
  }),
  z.strictObject({
    kind: z.literal('promote'),
    ...publication,
    /** What the gate said; absent when it was never asked. */
    gate: gateDecisionSchema.optional(),
    /** Published around the gate, by the actor's decision. */
    override: z.boolean(),
  }),
  /** An old version's content, published again as a new version. */
  z.strictObject({ kind: z.literal('rollback'), ...publication, from: z.int().positive() }),
  /** An old version's files were deleted; its line, and its number, stay. */
  z.strictObject({
    kind: z.literal('prune'),
    version: z.int().positive(),
    actor: z.string(),
    reason: z.string(),
  }),
  /** A publication that was announced and could not be completed: its number is never used again. */
  z.strictObject({ kind: z.literal('void'), version: z.int().positive(), reason: z.string() }),
]);

export type LedgerEvent = z.infer<typeof eventSchema>;
export type Publication = Extract<LedgerEvent, { kind: 'promote' | 'rollback' }>;

export interface LedgerEntry {
  /** Line number, from 1. */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Fence of the lock under which it was written; never decreases. */
  readonly fence: number;
  /** Hash of the line before; 64 zeros on the first. */
  readonly previous: string;
  readonly event: LedgerEvent;
  /** SHA-256 of the canonical JSON of everything above. */
  readonly hash: string;
}

/** What is wrong, and on which line (from 1). */
export interface LedgerProblem {
  readonly line: number;
  readonly message: string;
}

export interface LedgerReading {
  /** The unbroken beginning. */
  readonly entries: readonly LedgerEntry[];
  readonly problems: readonly LedgerProblem[];
  /** Bytes up to the last complete line; a line that a crash cut short was never acknowledged and does not count. */
  readonly completeBytes: number;
  readonly tornBytes: number;
}

const GENESIS = '0'.repeat(64);

const entrySchema = z.strictObject({
  seq: z.int().positive(),
  at: z.iso.datetime(),
  fence: z.int().positive(),
  previous: z.string(),
  event: eventSchema,
  hash: z.string(),
});

/** Reads a ledger's text. O(bytes). Never throws: what is wrong is listed by line. */
export function parseLedger(text: string): LedgerReading {
  const end = text.lastIndexOf('\n') + 1;
  const lines = end === 0 ? [] : text.slice(0, end - 1).split('\n');
  const entries: LedgerEntry[] = [];
  const problems: LedgerProblem[] = [];
  let before: LedgerEntry | undefined;
  for (const [i, line] of lines.entries()) {
    const entry = parseLine(line);
    const message = typeof entry === 'string' ? entry : breach(entry, before, i + 1);
    if (message !== undefined) problems.push({ line: i + 1, message });
    if (typeof entry === 'string') continue;
    if (problems.length === 0) entries.push(entry);
    before = entry;
  }
  const completeBytes = Buffer.byteLength(text.slice(0, end));
  return { entries, problems, completeBytes, tornBytes: Buffer.byteLength(text) - completeBytes };
}

export async function readLedger(path: string): Promise<LedgerReading> {
  return parseLedger((await readIfThere(path)) ?? '');
}

/** The entries of a ledger whose chain holds. @throws {AppError} TEMPER_LEDGER_BROKEN naming the first bad line */
export async function readSoundLedger(path: string): Promise<readonly LedgerEntry[]> {
  const { entries, problems } = await readLedger(path);
  const [first] = problems;
  if (first !== undefined) throw brokenLedger(path, first);
  return entries;
}

/**
 * Appends one event durably: when it returns, the line survives a power cut. A line that an earlier crash cut short is
 * dropped first. The lock is checked right before the write.
 *
 * @throws {AppError} TEMPER_LEDGER_BROKEN | TEMPER_REGISTRY_FENCED
 */
export async function appendLedger(
  { path, lock, clock }: { readonly path: string; readonly lock: Lock; readonly clock: Clock },
  event: LedgerEvent,
): Promise<LedgerEntry> {
  const reading = await readLedger(path);
  const [problem] = reading.problems;
  if (problem !== undefined) throw brokenLedger(path, problem);
  const entry = nextEntry(reading.entries.at(-1), {
    at: new Date(clock.nowMs()).toISOString(),
    fence: lock.fence,
    event: eventSchema.parse(event),
  });
  await lock.assertHeld();
  if (reading.tornBytes > 0) await truncate(path, reading.completeBytes);
  const handle = await open(path, 'a');
  try {
    await handle.appendFile(`${canonicalJson(entry)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (entry.seq === 1) await sync(dirname(path));
  return entry;
}

function nextEntry(
  last: LedgerEntry | undefined,
  content: Pick<LedgerEntry, 'at' | 'fence' | 'event'>,
): LedgerEntry {
  const body = { seq: (last?.seq ?? 0) + 1, previous: last?.hash ?? GENESIS, ...content };
  return { ...body, hash: sha256(canonicalJson(body)) };
}

/** The entry, or what is wrong with the line in itself. */
function parseLine(line: string): LedgerEntry | string {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    return `expected JSON, got ${JSON.stringify(line.slice(0, 60))}`;
  }
  const parsed = entrySchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `expected a ledger entry: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown problem'}`;
}

/** How an entry breaks the chain, or undefined. */
function breach(entry: LedgerEntry, before: LedgerEntry | undefined, line: number): string | undefined {
  const { hash, ...body } = entry;
  if (sha256(canonicalJson(body)) !== hash) return 'the line does not match its own hash: it was changed';
  const previous = before?.hash ?? GENESIS;
  if (entry.previous !== previous)
    return `expected the hash of the line before, ${previous.slice(0, 12)}…, got ${entry.previous.slice(0, 12)}…: a line was changed, removed or inserted before it`;
  if (entry.seq !== line) return `expected sequence number ${line}, got ${entry.seq}`;
  if (entry.fence < (before?.fence ?? 0))
    return `expected a fence of at least ${before?.fence ?? 0}, got ${entry.fence}: written by a process that had lost the lock`;
  return undefined;
}

function brokenLedger(path: string, { line, message }: LedgerProblem): AppError {
  return new AppError(
    'TEMPER_LEDGER_BROKEN',
    `${path}, line ${line}: ${message}. Restore the file from a copy; nothing is written until its chain holds.`,
    { details: { path, line } },
  );
}
