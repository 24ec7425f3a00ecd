import { parseFoldEntry, type FoldEntry } from '../../monitoring/fold-log.ts';
import type { FoldLogPort } from '../../monitoring/ports.ts';
import type { Store } from '../../store/store.ts';

const PAGE = 2000;

/** Where the rounds of canaries stand in a log. */
export interface CanaryPlace {
  /** Number of the last round; 0: none yet. */
  readonly rounds: number;
  /** Sampled events since the last round, or since the first baseline; undefined: neither is in the log. */
  readonly foldsSince: number | undefined;
  /** Whether another version began to serve after the last round, without a baseline of its own. */
  readonly isDue: boolean;
}

export interface FoldLog extends FoldLogPort {
  /** As far as the log was read. */
  canaryPlace(): CanaryPlace;
}

/** The judge's log on the store, written under the fence of the judge's lock. */
export function createFoldLog(store: Store, model: string, fence: number): FoldLog {
  let place: CanaryPlace = { rounds: 0, foldsSince: undefined, isDue: false };
  return {
    canaryPlace: () => place,
    async readFrom(seq) {
      const rows = await store.readFoldLog(model, seq, PAGE);
      const page = rows.map((row) => ({
        seq: row.seq,
        entry: parseFoldEntry(JSON.parse(row.payload), `fold_log of ${model}, seq ${row.seq}`),
      }));
      for (const { entry } of page) place = placeAfter(place, entry);
      return page;
    },
    append: (entries) =>
      store.appendFoldLog(
        model,
        fence,
        entries.map(({ seq, entry }) => ({ seq, kind: entry.kind, payload: JSON.stringify(entry) })),
      ),
  };
}

function placeAfter(place: CanaryPlace, entry: FoldEntry): CanaryPlace {
  const { foldsSince } = place;
  if (entry.kind === 'canaries') return { rounds: entry.round, foldsSince: 0, isDue: false };
  if (entry.kind === 'baseline') return { ...place, foldsSince: foldsSince ?? 0, isDue: false };
  if (foldsSince === undefined) return place;
  if (entry.kind === 'version') return { ...place, isDue: true };
  const isSample = entry.kind === 'observation' && entry.lane === 'sentinel';
  return isSample ? { ...place, foldsSince: foldsSince + 1 } : place;
}
