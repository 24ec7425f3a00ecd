import { AppError } from '../domain/errors.ts';
import { readSoundLedger } from './ledger.ts';
import { isThere } from './registry-files.ts';
import { readPointer, type ModelLayout } from './registry-layout.ts';
import { readManifest } from './registry-manifest.ts';
import { everPublished, publicationsOf } from './registry-publish.ts';
import type { Candidate, ModelVersion, VersionSummary } from './registry-types.ts';

export async function listVersions(layout: ModelLayout): Promise<VersionSummary[]> {
  const entries = await readSoundLedger(layout.ledger);
  const current = await findCurrent(layout);
  const passed = new Set(
    everPublished(entries).flatMap(({ event }) =>
      event.kind === 'promote' && event.gate?.decision === 'pass' ? [event.candidate] : [],
    ),
  );
  return publicationsOf(entries).map(({ at, event }) => ({
    version: event.version,
    kind: event.kind,
    candidate: event.candidate,
    at,
    actor: event.actor,
    reason: event.reason,
    gated: passed.has(event.candidate),
    current: event.version === current,
    ...(event.runId === undefined ? {} : { runId: event.runId }),
    ...(event.kind === 'rollback' ? { from: event.from } : {}),
  }));
}

/** The pointer; without one, the newest version of the ledger that is in place. */
export async function findCurrent(layout: ModelLayout): Promise<number | undefined> {
  const pointer = await readPointer(layout);
  if (pointer !== undefined) return pointer;
  for (const { event } of publicationsOf(await readSoundLedger(layout.ledger)).reverse())
    if (await isThere(layout.version(event.version))) return event.version;
  return undefined;
}

export async function openVersion(layout: ModelLayout, version: number): Promise<ModelVersion> {
  const path = layout.version(version);
  if (!(await isThere(path)))
    throw notFound(`model ${layout.model} has no version ${version} in ${layout.home}`);
  const manifest = await readManifest(path);
  return { model: layout.model, version, path, ref: { path, sha256: manifest.sha256 }, manifest };
}

export async function openCandidate(layout: ModelLayout, hash: string): Promise<Candidate> {
  const path = layout.candidate(hash);
  return { model: layout.model, hash, path, manifest: await readManifest(path) };
}

export function notFound(message: string): AppError {
  return new AppError('TEMPER_MODEL_NOT_FOUND', message);
}
