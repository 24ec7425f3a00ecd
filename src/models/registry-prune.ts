import { appendLedger, readSoundLedger } from './ledger.ts';
import { publicationsOf, recoverModel, removePruned, type Publishing } from './registry-publish.ts';
import { listVersions } from './registry-read.ts';
import type { PruneRequest } from './registry-types.ts';

/**
 * Deletes the files of all but the newest `keep` versions, and never those of the version that serves or of the
 * champion. Ledger line first, so that a crash leaves nothing that nobody remembers.
 *
 * @returns the versions that were (or, in a dry run, would be) deleted
 */
export async function prune(
  publishing: Publishing,
  { keep, actor, dryRun = false }: PruneRequest,
): Promise<number[]> {
  const { layout, lock, clock, logger } = publishing;
  await recoverModel(publishing);
  const versions = await listVersions(layout);
  const champion = versions.findLast(({ gated }) => gated)?.version;
  const last = publicationsOf(await readSoundLedger(layout.ledger)).at(-1)?.event.version;
  const doomed = versions
    .slice(0, Math.max(0, versions.length - keep))
    .filter(({ version, current }) => !current && version !== champion && version !== last)
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
