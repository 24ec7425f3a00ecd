import { appendLedger, readSoundLedger } from './ledger.ts';
import {
  fallbackOf,
  publicationsOf,
  recoverModel,
  removePruned,
  type PublicationEntry,
  type Publishing,
} from './registry-publish.ts';
import { listVersions } from './registry-read.ts';
import type { PruneRequest } from './registry-types.ts';

/**
 * Deletes the files of all but the newest `keep` versions, and never those of the version that serves, of the champion,
 * or of what either would be rolled back to. Candidates are not versions: those of a run under way stay. Ledger line
 * first, so that a crash leaves nothing that nobody remembers.
 *
 * @returns the versions that were (or, in a dry run, would be) deleted
 */
export async function prune(
  publishing: Publishing,
  { keep, actor, dryRun = false }: PruneRequest,
): Promise<number[]> {
  const { layout, lock, clock, logger } = publishing;
  if (!dryRun) await recoverModel(publishing);
  const versions = await listVersions(layout);
  const champion = versions.findLast(({ gated }) => gated)?.version;
  const needed = neededVersions(publicationsOf(await readSoundLedger(layout.ledger)), champion);
  const doomed = versions
    .slice(0, Math.max(0, versions.length - keep))
    .filter(({ version, current }) => !current && !needed.has(version))
    .map(({ version }) => version);
  if (dryRun) return doomed;
  for (const version of doomed)
    await appendLedger(
      { path: layout.ledger, lock, clock },
      { kind: 'prune', version, actor, reason: `only the newest ${keep} versions are kept` },
    );
  await removePruned(layout);
  if (doomed.length > 0)
    logger.info({ model: layout.model, versions: doomed, keep }, 'model_versions_pruned');
  return doomed;
}

/** The last publication and the champion, each with what a rollback from it would publish again. */
function neededVersions(
  publications: readonly PublicationEntry[],
  champion: number | undefined,
): ReadonlySet<number> {
  const holders = [publications.at(-1), publications.find(({ event }) => event.version === champion)];
  return new Set(
    holders
      .flatMap((holder) => (holder === undefined ? [] : [holder, fallbackOf(publications, holder)]))
      .flatMap((entry) => entry?.event.version ?? []),
  );
}
