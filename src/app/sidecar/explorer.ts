import { recipeId, recipeLabel, type Recipe } from '../../domain/recipe.ts';
import type { ObservationEntry } from '../../monitoring/fold-log.ts';
import type { Judge } from '../../monitoring/judge.ts';
import { exploreSlot, type ExploredEvent, type ExploredResult } from '../../probing/explore-slot.ts';
import type { Pace } from '../../probing/pace.ts';
import type { Followed } from '../../probing/replica-follower.ts';
import type { ProbeRecord } from '../../probing/slot.ts';
import type { UnfoldedSample } from '../../store/queries/probes.ts';
import type { Services } from '../compose.ts';
import { probeSettingsOf } from './canary-keeper.ts';
import { observationOf } from './observation.ts';

/** Explorers beside the sentinels: what is tried, and within what budget. */
export interface Explorer {
  /**
   * Tries recipes of the rotation on events whose sentinel outcomes have just come in, as far as the explorers' own share
   * of the budget goes, stores the probes and folds them.
   *
   * @returns how many samples were tried
   */
  explore(samples: readonly UnfoldedSample[], followed: Followed): Promise<number>;
}

export interface ExplorerOptions {
  readonly services: Services;
  readonly judge: Judge;
  /** What is left of the budget of all probes, and of the explorers' share. */
  readonly pace: Pace;
  readonly share: Pace;
  readonly rotation: () => readonly Recipe[];
  readonly onExplored?: (records: readonly ProbeRecord[]) => void;
}

/**
 * A crash between storing and folding costs the observation, which decides nothing by its absence: whether there is one
 * does not depend on what it would have said.
 */
export function createExplorer(options: ExplorerOptions): Explorer {
  const { services, judge, pace, share, rotation, onExplored } = options;
  return {
    async explore(samples, { replica, version, stale }) {
      const recipes = rotation();
      if (recipes.length === 0 || replica === undefined || stale) return 0;
      const wanted = eventsOf(samples, services.sentinels.length);
      const rows = wanted.reduce((sum, event) => sum + event.samples.length, 0);
      if (rows === 0) return 0;
      const events = affordable(wanted, { pace, share });
      if (events.length === 0) return 0;
      const settings = probeSettingsOf(services);
      const results = await exploreSlot({
        events,
        rotation: recipes,
        prober: services.prober,
        settings,
        replica,
        version: version ?? 'unknown',
      });
      const records = results.flatMap((result) => result.records);
      await services.store.saveProbes(records);
      onExplored?.(records);
      await judge.fold(results.map(explorerObservation));
      return records.length;
    },
  };
}

/** Whole events, in order, while both budgets have room. */
function affordable(
  events: readonly ExploredEvent[],
  { pace, share }: { readonly pace: Pace; readonly share: Pace },
): ExploredEvent[] {
  const chosen: ExploredEvent[] = [];
  for (const event of events) {
    const rows = event.samples.length;
    if (share.take(rows) < rows || pace.take(rows) < rows) break;
    chosen.push(event);
  }
  return chosen;
}

/** Events of which every row has been measured by every sentinel. */
function eventsOf(samples: readonly UnfoldedSample[], sentinels: number): ExploredEvent[] {
  const byEvent = new Map<string, UnfoldedSample[]>();
  for (const entry of samples) {
    const { source, partition, offset } = entry.sample.position;
    const key = `${source}|${partition}|${offset}`;
    byEvent.set(key, [...(byEvent.get(key) ?? []), entry]);
  }
  return [...byEvent.values()]
    .filter((rows) => rows.every((row) => row.outcomes.length === sentinels && row.outcomes.every(isDone)))
    .map((rows) => ({
      samples: rows.map(({ sample }) => sample),
      sentinelLosses: rows.map(({ outcomes }) =>
        outcomes.reduce(
          (worst, { outcome }) => Math.max(worst, outcome.kind === 'done' ? outcome.measurement.loss : 0),
          0,
        ),
      ),
    }));
}

function isDone({ outcome }: UnfoldedSample['outcomes'][number]): boolean {
  return outcome.kind === 'done';
}

/** As the judge folds it: in the explorers' lane, with what the sentinels and the control did to the same rows. */
export function explorerObservation({ recipe, records, knownLoss }: ExploredResult): ObservationEntry {
  const outcomes = records.map(({ sample, probe }) => ({
    ...sample,
    recipeId: probe.key.recipeId,
    targetVersion: probe.key.targetVersion,
    outcome: probe.outcome,
  }));
  const entry = observationOf(outcomes, new Map([[recipeId(recipe), recipeLabel(recipe)]]));
  return { ...entry, lane: 'explorer', ...(knownLoss === undefined ? {} : { sentinelLoss: knownLoss }) };
}
