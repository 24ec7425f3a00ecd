import { join } from 'node:path';
import { AppError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import { readLedger, type LedgerEntry, type LedgerReading } from './ledger.ts';
import { isThere, readIfThere } from './registry-files.ts';
import { readPointer, versionsOnDisk, type ModelLayout } from './registry-layout.ts';
import { candidateHash, filesAmiss, publicationOf, READY, readManifest } from './registry-manifest.ts';
import { prunedVersions, publicationsOf, type PublicationEntry } from './registry-publish.ts';

/** Something in the registry that is not as it was written. */
export interface RegistryProblem {
  /** The file or folder, with `:line` for a line of the ledger. */
  readonly path: string;
  readonly message: string;
}

/** A line of a ledger, as another place (the store) remembers it. */
export interface LedgerHead {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Everything that is not as the ledger and the manifests say. Reads every file; changes nothing.
 * @param remembered lines of the ledger as another place remembers them; absent: nothing to compare with
 */
export async function verifyModel(
  layout: ModelLayout,
  remembered?: readonly LedgerHead[],
): Promise<RegistryProblem[]> {
  const reading = await readLedger(layout.ledger);
  const problems = reading.problems.map(({ line, message }) => ({
    path: `${layout.ledger}:${line}`,
    message,
  }));
  if (reading.tornBytes > 0)
    problems.push({
      path: `${layout.ledger}:${reading.entries.length + 1}`,
      message: `the last line was cut short (${reading.tornBytes} bytes): the next promotion drops it`,
    });
  if (remembered !== undefined) problems.push(...copyProblems(layout, reading, remembered));
  // With a broken chain nobody knows which versions there should be, so only what can still be said is said.
  const publications = publicationsOf(reading.entries);
  for (const publication of publications) problems.push(...(await versionProblems(layout, publication)));
  if (reading.problems.length === 0) problems.push(...(await strayProblems(layout, reading.entries)));
  return problems;
}

function copyProblems(
  { ledger }: ModelLayout,
  { entries, problems }: LedgerReading,
  remembered: readonly LedgerHead[],
): RegistryProblem[] {
  const isSound = problems.length === 0;
  const differing = remembered.flatMap(({ seq, hash }) => {
    const found = entries[seq - 1];
    // Behind a broken line nothing can be said of the ledger; that it is broken is said already.
    if (found?.hash === hash || (found === undefined && !isSound)) return [];
    const message =
      found === undefined
        ? `expected at least ${seq} lines, as the store remembers, got ${entries.length}: lines were removed`
        : `expected hash ${hash.slice(0, 12)}…, as the store remembers, got ${found.hash.slice(0, 12)}…: the ledger was rewritten`;
    return { path: `${ledger}:${seq}`, message };
  });
  const known = new Set(remembered.map(({ seq }) => seq));
  // Promotions by people are in the ledger alone.
  const unknown = entries.flatMap(({ seq, event }) => {
    if (event.kind !== 'promote' || event.runId === undefined || known.has(seq)) return [];
    const message = `run ${event.runId} promoted version ${event.version}, which the store does not remember: the run was cut short (a harden worker finishes it), or this is another store`;
    return { path: `${ledger}:${seq}`, message };
  });
  return [...differing, ...unknown];
}

async function versionProblems(layout: ModelLayout, entry: PublicationEntry): Promise<RegistryProblem[]> {
  const { event, seq, hash } = entry;
  const path = layout.version(event.version);
  if (!(await isThere(path)))
    return [{ path, message: `line ${seq} of the ledger announces it, but it is not there: run recover` }];
  const problems: RegistryProblem[] = [];
  const marker = (await readIfThere(join(path, READY)))?.trim();
  if (marker !== hash)
    problems.push({
      path: join(path, READY),
      message: `expected the hash of line ${seq} of the ledger, got ${marker ?? 'no file'}`,
    });
  try {
    const manifest = await readManifest(path);
    if (candidateHash(manifest) !== event.candidate)
      problems.push({
        path: join(path, 'manifest.json'),
        message: `expected content ${event.candidate}, got ${candidateHash(manifest)}: the manifest was changed`,
      });
    if (canonicalJson(manifest.publication ?? null) !== canonicalJson(publicationOf(event)))
      problems.push({
        path: join(path, 'manifest.json'),
        message: `its publication is not what line ${seq} of the ledger says`,
      });
    problems.push(...(await filesAmiss(path, manifest.files, [READY])));
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    problems.push({ path: join(path, 'manifest.json'), message: caught.message });
  }
  return problems;
}

async function strayProblems(
  layout: ModelLayout,
  entries: readonly LedgerEntry[],
): Promise<RegistryProblem[]> {
  const publications = publicationsOf(entries);
  const known = new Set(publications.map(({ event }) => event.version));
  const pruned = prunedVersions(entries);
  const strays = (await versionsOnDisk(layout)).filter((version) => !known.has(version));
  const problems = strays.map((version) => ({
    path: layout.version(version),
    message: pruned.has(version)
      ? 'the ledger says that it was deleted, yet it is there: run recover'
      : 'no line of the ledger published it, yet a server would load it',
  }));
  const last = publications.at(-1)?.event.version;
  const pointer = await readPointer(layout);
  if (pointer !== last)
    problems.push({
      path: layout.pointer,
      message: `expected ${last ?? 'no file'}, as the ledger says, got ${pointer ?? 'no version number'}`,
    });
  return problems;
}
