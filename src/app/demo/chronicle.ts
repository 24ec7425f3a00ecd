import { recipeId } from '../../domain/recipe.ts';
import type { Recipe } from '../../domain/recipe.ts';
import { foldEntry } from '../../monitoring/fold-entry.ts';
import { parseFoldEntry, type FoldEntry } from '../../monitoring/fold-log.ts';
import type { JudgeSettings } from '../../monitoring/judge-settings.ts';
import { initialState } from '../../monitoring/judge-state.ts';
import { computeStatus, type JudgeStatus } from '../../monitoring/status.ts';
import type { Alarm } from '../../monitoring/alarm.ts';
import type { RiskPoint, StoryEvent } from '../../reports/story.ts';
import type { Store } from '../../store/store.ts';

/** The demo as the fold log tells it: what the judge saw, in its order. */
export interface Chronicle {
  readonly risk: readonly RiskPoint[];
  readonly events: readonly StoryEvent[];
  readonly alarms: readonly Alarm[];
  /** Folded samples when a version began to serve. */
  readonly since: ReadonlyMap<string, number>;
  readonly baselines: ReadonlyMap<string, number>;
  readonly last: JudgeStatus;
}

export interface ChronicleOptions {
  readonly store: Store;
  readonly model: string;
  readonly sentinel: Recipe;
  readonly settings: JudgeSettings;
  /** Versions that passed the gate. */
  readonly gated: ReadonlySet<string>;
}

const PAGE = 5000;
/** A point of the chart every so many folds. */
const EVERY = 4;

/** Folds the whole log again: the chart shows what the monitors showed, not what somebody remembers. */
export async function readChronicle(options: ChronicleOptions): Promise<Chronicle> {
  const { store, model, settings } = options;
  const entries: { seq: number; entry: FoldEntry }[] = [];
  for (;;) {
    const rows = await store.readFoldLog(model, entries.length + 1, PAGE);
    if (rows.length === 0) break;
    for (const { seq, payload } of rows)
      entries.push({ seq, entry: parseFoldEntry(JSON.parse(payload), `seq ${seq}`) });
  }
  let state = initialState(model, settings);
  const risk: RiskPoint[] = [];
  const events: StoryEvent[] = [];
  const since = new Map<string, number>();
  const baselines = new Map<string, number>();
  for (const entry of entries) {
    const before = state.foldsInAll;
    const folded = foldEntry(state, entry);
    state = folded.state;
    events.push(
      ...eventsOf(entry.entry, { sample: state.foldsInAll, gated: options.gated, since, baselines }),
    );
    for (const event of folded.events) {
      if (event.type === 'alarm_raised')
        events.push({ sample: state.foldsInAll, kind: 'alarm', label: `alarm: ${event.alarm.monitor}` });
    }
    if (state.foldsInAll !== before && state.foldsInAll % EVERY === 0)
      risk.push(...pointOf(computeStatus(state), options.sentinel));
  }
  const last = computeStatus(state);
  return { risk, events, alarms: last.alarms, since, baselines, last };
}

interface EventContext {
  readonly sample: number;
  readonly gated: ReadonlySet<string>;
  readonly since: Map<string, number>;
  readonly baselines: Map<string, number>;
}

function eventsOf(entry: FoldEntry, { sample, gated, since, baselines }: EventContext): StoryEvent[] {
  if (entry.kind === 'version') {
    since.set(entry.version, sample);
    const kind = gated.has(entry.version) ? 'promoted' : 'shipped';
    return [{ sample, kind, label: `v${entry.version} ${kind}` }];
  }
  if (entry.kind === 'baseline') {
    const [first] = entry.baselines;
    if (first !== undefined) baselines.set(first.version, first.upper);
    return [{ sample, kind: 'baseline', label: `baseline of v${first?.version ?? '?'}` }];
  }
  return [];
}

function pointOf(status: JudgeStatus, sentinel: Recipe): RiskPoint[] {
  const own = status.recipes.find((each) => each.recipeId === recipeId(sentinel)) ?? status.recipes[0];
  if (own === undefined) return [];
  return [
    {
      sample: status.foldsInAll,
      risk: own.risk,
      version: status.version ?? 'unknown',
      verdict: status.verdict.kind,
      ...(own.baseline === undefined ? {} : { baselineUpper: own.baseline.upper }),
      limit: status.verdict.limit,
    },
  ];
}
