import type { CommitPort } from '../../ingest/events.ts';
import type { Store } from '../../store/store.ts';

/** Ingest on the store: a batch is durable when its range is. */
export function createCommitPort(store: Store, model: string, onCommit: () => void): CommitPort {
  return {
    async commit(batch) {
      await store.saveIngest({ ...batch, model });
      onCommit();
    },
    lastPositions: () => store.lastPositions(),
  };
}
