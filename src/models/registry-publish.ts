/**
 * Publishing under the lock: ledger line, manifest and marker, rename, pointer. A crash between any two of them is
 * repaired by `recoverModel`, which finishes what the ledger announced, or voids it when its content is gone.
 */
import { rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { appendLedger, readLedger, readSoundLedger } from './ledger.ts';
import type { LedgerEntry, Publication } from './ledger.ts';
import type { Lock } from './lock.ts';
import { copyFiles, isThere, namesIn, replaceFile, sync } from './registry-files.ts';
import { readPointer, versionsOnDisk, type ModelLayout } from './registry-layout.ts';
import {
  candidateHash,
  contentOf,
  filesAmiss,
  MANIFEST,
  manifestText,
  publicationOf,
  READY,
  readManifest,
} from './registry-manifest.ts';

/** Points of a publication, in order; `onStep` is called after each, which is where kill tests kill. */
export const PUBLISH_STEPS = ['announced', 'described', 'marked', 'renamed', 'pointed'] as const;
export type PublishStep = (typeof PUBLISH_STEPS)[number];

export interface Publishing {
  readonly layout: ModelLayout;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStep?: ((step: PublishStep) => void) | undefined;
}

export interface Repair {
  readonly kind: 'completed' | 'voided' | 'pruned' | 'pointer' | 'torn_line';
  readonly message: string;
}

/** Announces and publishes; the candidate's content must be in place. Returns the ledger's line. */
export async function publish(publishing: Publishing, event: Publication): Promise<LedgerEntry> {
  const { layout, lock, clock } = publishing;
  await checkCandidate(layout, event.candidate);
  const entry = await appendLedger({ path: layout.ledger, lock, clock }, event);
  publishing.onStep?.('announced');
  await finish(publishing, event, entry.hash);
  return entry;
}

/** The next integer version: above everything that was ever announced or lies on disk. */
export async function nextVersion(layout: ModelLayout, entries: readonly LedgerEntry[]): Promise<number> {
  const announced = everPublished(entries).map(({ event }) => event.version);
  return Math.max(0, ...announced, ...(await versionsOnDisk(layout))) + 1;
}

export interface PublicationEntry extends LedgerEntry {
  readonly event: Publication;
}

/** Publications in order whose content is there, or should be: without those that were voided or pruned. */
export function publicationsOf(entries: readonly LedgerEntry[]): PublicationEntry[] {
  const gone = versionsOf(entries, 'void', 'prune');
  return everPublished(entries).filter(({ event }) => !gone.has(event.version));
}

/** What a rollback from a publication goes back to: the newest earlier one with other content. */
export function fallbackOf(
  publications: readonly PublicationEntry[],
  { seq, event: { candidate } }: PublicationEntry,
): PublicationEntry | undefined {
  return publications.findLast((entry) => entry.seq < seq && entry.event.candidate !== candidate);
}

/** Everything that was ever announced. */
export function everPublished(entries: readonly LedgerEntry[]): PublicationEntry[] {
  return entries.filter(
    (entry): entry is PublicationEntry => entry.event.kind === 'promote' || entry.event.kind === 'rollback',
  );
}

export function prunedVersions(entries: readonly LedgerEntry[]): ReadonlySet<number> {
  return versionsOf(entries, 'prune');
}

function versionsOf(entries: readonly LedgerEntry[], ...kinds: readonly ('void' | 'prune')[]): Set<number> {
  return new Set(
    entries.flatMap(({ event }) =>
      (event.kind === 'void' || event.kind === 'prune') && kinds.includes(event.kind) ? [event.version] : [],
    ),
  );
}

/** Makes folder and pointer agree with the ledger. Returns what had to be done; nothing when all was well. */
export async function recoverModel(publishing: Publishing): Promise<Repair[]> {
  const { layout } = publishing;
  const repairs: Repair[] = [];
  const { completeBytes, tornBytes } = await readLedger(layout.ledger);
  if (tornBytes > 0) {
    await truncate(layout.ledger, completeBytes);
    repairs.push({
      kind: 'torn_line',
      message: `a line of ${tornBytes} bytes that a crash cut short was dropped`,
    });
  }
  for (const entry of publicationsOf(await readSoundLedger(layout.ledger))) {
    if (await isThere(layout.version(entry.event.version))) continue;
    repairs.push(await completeOrVoid(publishing, entry));
  }
  repairs.push(...(await removePruned(layout)));
  const last = publicationsOf(await readSoundLedger(layout.ledger)).at(-1);
  const pointer = await readPointer(layout);
  if (last !== undefined && pointer !== last.event.version) {
    await point(publishing, last.event.version);
    const message = `current said ${pointer ?? 'nothing'}; it was rebuilt from the ledger as ${last.event.version}`;
    repairs.push({ kind: 'pointer', message });
  }
  for (const { kind, message } of repairs)
    publishing.logger.warn({ model: layout.model, kind, detail: message }, 'registry_repaired');
  return repairs;
}

/** Deletes versions that the ledger has given up; out of the servers' sight first, because deleting takes time. */
export async function removePruned(layout: ModelLayout): Promise<Repair[]> {
  const repairs: Repair[] = [];
  for (const version of prunedVersions(await readSoundLedger(layout.ledger))) {
    const doomed = join(layout.candidates, `.pruned-${version}`);
    if (await isThere(layout.version(version))) {
      await rename(layout.version(version), doomed);
      repairs.push({ kind: 'pruned', message: `version ${version} was to be deleted but was still there` });
    }
    await rm(doomed, { recursive: true, force: true });
  }
  return repairs;
}

async function completeOrVoid(publishing: Publishing, entry: PublicationEntry): Promise<Repair> {
  const { layout, lock, clock } = publishing;
  const { version, candidate } = entry.event;
  try {
    if (entry.event.kind === 'rollback') await stageCopy(layout, entry.event.from, candidate);
    await checkCandidate(layout, candidate);
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    const reason = `announced, but never published, and its content is gone: ${caught.message}`;
    await appendLedger({ path: layout.ledger, lock, clock }, { kind: 'void', version, reason });
    return { kind: 'voided', message: `version ${version} was ${reason}` };
  }
  await finish(publishing, entry.event, entry.hash);
  return { kind: 'completed', message: `version ${version} was announced but not in place; it is now` };
}

/** Everything after the ledger's line; doing it twice does no harm. */
async function finish(publishing: Publishing, event: Publication, lineHash: string): Promise<void> {
  const { layout, lock, onStep } = publishing;
  const staged = layout.candidate(event.candidate);
  for (const name of await namesIn(staged)) if (name.endsWith('.tmp')) await rm(join(staged, name));
  const manifest = { ...(await readManifest(staged)), publication: publicationOf(event) };
  await replaceFile(join(staged, MANIFEST), manifestText(manifest));
  onStep?.('described');
  await replaceFile(join(staged, READY), `${lineHash}\n`);
  onStep?.('marked');
  await lock.assertHeld();
  await rename(staged, layout.version(event.version));
  await sync(layout.home);
  await sync(layout.candidates);
  onStep?.('renamed');
  await point(publishing, event.version);
  onStep?.('pointed');
}

async function point({ layout, lock }: Publishing, version: number): Promise<void> {
  await lock.assertHeld();
  await replaceFile(layout.pointer, `${version}\n`);
}

/** @throws {AppError} TEMPER_MODEL_NOT_FOUND | TEMPER_MODEL_CORRUPT */
async function checkCandidate(layout: ModelLayout, hash: string): Promise<void> {
  const directory = layout.candidate(hash);
  const manifest = await readManifest(directory);
  const found = candidateHash(manifest);
  if (found !== hash)
    throw new AppError(
      'TEMPER_MODEL_CORRUPT',
      `${join(directory, MANIFEST)}: expected content ${hash}, got ${found}: the manifest was changed`,
    );
  const names = await namesIn(directory);
  const [amiss] = await filesAmiss(directory, manifest.files, [
    READY,
    ...names.filter((name) => name.endsWith('.tmp')),
  ]);
  if (amiss !== undefined) throw new AppError('TEMPER_MODEL_CORRUPT', `${amiss.path}: ${amiss.message}`);
}

/** Puts an old version's content back among the candidates, whole or not at all. */
export async function stageCopy(layout: ModelLayout, version: number, hash: string): Promise<void> {
  const target = layout.candidate(hash);
  if (await isThere(target)) return;
  const source = layout.version(version);
  const content = contentOf(await readManifest(source));
  const staging = join(layout.candidates, `.staging-${hash}`);
  await rm(staging, { recursive: true, force: true });
  await copyFiles(source, staging, Object.keys(content.files));
  await replaceFile(join(staging, MANIFEST), manifestText(content));
  await rename(staging, target);
  await sync(layout.candidates);
}
