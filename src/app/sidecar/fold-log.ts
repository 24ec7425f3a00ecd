import { parseFoldEntry } from '../../monitoring/fold-log.ts';
import type { FoldLogPort } from '../../monitoring/ports.ts';
import type { Store } from '../../store/store.ts';

const PAGE = 2000;

/** The judge's log on the store, written under the fence of the judge's lock. */
export function createFoldLog(store: Store, model: string, fence: number): FoldLogPort {
  return {
    async readFrom(seq) {
      const rows = await store.readFoldLog(model, seq, PAGE);
      return rows.map((row) => ({
        seq: row.seq,
        entry: parseFoldEntry(JSON.parse(row.payload), `fold_log of ${model}, seq ${row.seq}`),
      }));
    },
    append: (entries) =>
      store.appendFoldLog(
        model,
        fence,
        entries.map(({ seq, entry }) => ({ seq, kind: entry.kind, payload: JSON.stringify(entry) })),
      ),
  };
}
