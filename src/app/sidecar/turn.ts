import { findAttack } from '../../attacks/catalogue.ts';
import { recipeId, recipeLabel } from '../../domain/recipe.ts';
import { featureCount } from '../../domain/target.ts';
import { baselineIdOf, baselineSchema, type Baseline } from '../../monitoring/baseline.ts';
import type { ObservationEntry } from '../../monitoring/fold-log.ts';
import { foldableNow, type PartitionQueue } from '../../monitoring/fold-order.ts';
import type { Judge } from '../../monitoring/judge.ts';
import { admit } from '../../probing/admit.ts';
import type { Pace } from '../../probing/pace.ts';
import type { Followed } from '../../probing/replica-follower.ts';
import { probeSlot, type ProbeRecord } from '../../probing/slot.ts';
import type { UnfoldedSample } from '../../store/queries/probes.ts';
import type { Services } from '../compose.ts';
import { probeSettingsOf, type CanaryKeeper } from './canary-keeper.ts';
import type { CanaryPlace } from './fold-log.ts';
import type { Explorer } from './explorer.ts';
import { observationOf } from './observation.ts';

export interface TurnDependencies {
  readonly services: Services;
  readonly judge: Judge;
  /** Where the last round of canaries stands in the log that the judge started from. */
  readonly canaryPlace: () => CanaryPlace;
  readonly canaries: CanaryKeeper;
  readonly pace: Pace;
  /** Absent: nothing but sentinels is tried. */
  readonly explorer?: Explorer;
  /** Partitions of the stream, with whether everything in them has been ingested. */
  readonly partitions: () => readonly {
    readonly source: string;
    readonly partition: number;
    readonly atEnd: boolean;
  }[];
  readonly look: () => Promise<Followed>;
  /** What has to be settled before anything is asked of the served model; settles it once. */
  readonly beforeQueries?: () => Promise<void>;
  /** Told of every probe once it is durable, and how long the batch took, in seconds. */
  readonly onProbed?: (records: readonly ProbeRecord[], seconds: number) => void;
}

export interface TurnResult {
  /** Samples probed and events folded in this turn. */
  readonly probed: number;
  readonly folded: number;
  /** Samples that are in the store and not folded, as far as this turn looked. */
  readonly waiting: number;
}

/** What outlives a turn. After a start it is read from the fold log, so that rounds stand where they would have stood. */
export interface TurnMemory {
  /** Sampled events in the log at the last round of canaries, or when there first were any; undefined: not yet. */
  canariesAtFold: number | undefined;
  canaryRounds: number;
  /** Another version is served than at the last round. */
  isRoundDue: boolean;
}

/**
 * @param observed sampled events in the judge's log as it started
 * @param place where the last round of canaries stands in its log
 */
export function createTurnMemory(observed: number, place: CanaryPlace): TurnMemory {
  const { rounds, foldsSince, isDue } = place;
  const canariesAtFold = foldsSince === undefined ? undefined : observed - foldsSince;
  return { canariesAtFold, canaryRounds: rounds, isRoundDue: isDue };
}

/**
 * One turn of the sidecar: follow the served version and the newest baseline, run canaries when they are due, bring the
 * next samples to their outcomes, and fold what can be folded. Everything it decides on is in the store or in the fold
 * log, so a turn that was cut short is taken again and does the same.
 */
export async function takeTurn(deps: TurnDependencies, memory: TurnMemory): Promise<TurnResult> {
  const followed = await deps.look();
  await deps.beforeQueries?.();
  if (await followVersion(deps, followed)) memory.isRoundDue = true;
  if (await followBaseline(deps, followed)) memory.isRoundDue = false;
  await runCanaries(deps, memory, followed);
  const queues = await readQueues(deps, slotSize(deps, memory));
  const probed = await probeWaiting(deps, followed, queues);
  const folded = await foldReady(deps, queues, followed.replica !== undefined);
  await deps.explorer?.explore(probed, followed);
  return {
    probed: probed.length,
    folded,
    waiting: queues.reduce((sum, { samples }) => sum + samples.length, 0),
  };
}

interface Queue {
  readonly source: string;
  readonly partition: number;
  readonly atEnd: boolean;
  readonly samples: UnfoldedSample[];
}

async function followVersion({ judge }: TurnDependencies, { version }: Followed): Promise<boolean> {
  const { version: judged, lastEventTimeMs } = judge.status();
  if (version === undefined || version === judged) return false;
  await judge.control({ kind: 'version', atMs: lastEventTimeMs ?? 0, version });
  return judged !== undefined;
}

/** A new baseline is judged by as soon as its version is served. */
async function followBaseline(
  { judge, services, canaries }: TurnDependencies,
  { version }: Followed,
): Promise<boolean> {
  const { store, config } = services;
  const rows = await store.latestBaselines(config.model.name);
  if (rows.length === 0) return false;
  const baselines = rows.map((row) => baselineSchema.parse(row));
  const setId = baselines[0]!.canarySetId;
  if (setId !== undefined) await canaries.use(setId);
  const { baselines: judged, lastEventTimeMs } = judge.status();
  if (baselines[0]!.version !== version || isSame(judged, baselines)) return false;
  await judge.control({ kind: 'baseline', atMs: lastEventTimeMs ?? 0, baselines });
  return true;
}

function isSame(judged: readonly Baseline[], found: readonly Baseline[]): boolean {
  const sorted = (list: readonly Baseline[]): Baseline[] =>
    [...list]
      .sort((a, b) => (a.recipeId < b.recipeId ? -1 : 1))
      .map((baseline) => baselineSchema.parse(baseline));
  return judged.length > 0 && baselineIdOf(sorted(judged)) === baselineIdOf(sorted(found));
}

async function runCanaries(
  { judge, services, canaries }: TurnDependencies,
  memory: TurnMemory,
  followed: Followed,
): Promise<void> {
  if (!canaries.hasSet() || services.config.probing.dryRun) return;
  const { observed, lastEventTimeMs } = judge.status();
  memory.canariesAtFold ??= observed;
  const { everySamples } = services.config.probing.canaries;
  if (!memory.isRoundDue && observed - memory.canariesAtFold < everySamples) return;
  const entry = await canaries.round(followed, ++memory.canaryRounds, lastEventTimeMs ?? 0);
  if (entry !== undefined) await judge.control(entry);
  memory.canariesAtFold = observed;
  memory.isRoundDue = false;
}

/** A slot ends where the next round of canaries is due, so that rounds stand at the same folds in every replay. */
function slotSize({ judge, services }: TurnDependencies, { canariesAtFold }: TurnMemory): number {
  const { slotSamples, canaries } = services.config.probing;
  const untilCanaries = canaries.everySamples - (judge.status().observed - (canariesAtFold ?? 0));
  return Math.max(1, Math.min(slotSamples, canariesAtFold === undefined ? slotSamples : untilCanaries));
}

async function readQueues(
  { services, judge, partitions }: TurnDependencies,
  limit: number,
): Promise<Queue[]> {
  const { store, config, sentinels } = services;
  const { frontier } = judge.status();
  const read = async (place: Omit<Queue, 'samples'>): Promise<Queue> => ({
    ...place,
    samples: await store.unfoldedSamples({
      model: config.model.name,
      recipeIds: sentinels.map(recipeId),
      source: place.source,
      partition: place.partition,
      after: frontier[`sentinel|${place.source}|${place.partition}`] ?? -1,
      limit,
    }),
  });
  return Promise.all(partitions().map(read));
}

/**
 * Probes what has no outcome yet, as far as the pace allows, and adds the outcomes to the queues. Resolves to what was
 * probed, with its outcomes.
 */
async function probeWaiting(
  deps: TurnDependencies,
  followed: Followed,
  queues: readonly Queue[],
): Promise<readonly UnfoldedSample[]> {
  const { services, pace } = deps;
  const { config, store, sentinels, clock } = services;
  const waiting = queues.flatMap(({ samples }) =>
    samples.filter((entry) => !isTerminal(entry, sentinels.length)),
  );
  const expiry = { nowMs: clock.nowMs(), expireAfterMs: 1000 * config.probing.expireAfterSeconds };
  const open = admit(waiting, { pace, ...expiry });
  if (open.length === 0) return [];
  const startedAt = performance.now();
  const records = await probeSlot({
    pending: open,
    prober: services.prober,
    settings: probeSettingsOf(services),
    replica: followed.replica,
    needsReplica: ({ attack }) => findAttack(attack).access === 'gradients',
    version: followed.version ?? 'unknown',
    features: featureCount(config.model.inputShape),
    ...expiry,
  });
  await store.saveProbes(records);
  deps.onProbed?.(records, (performance.now() - startedAt) / 1000);
  const probed: UnfoldedSample[] = [];
  for (const queue of queues) {
    queue.samples.forEach((entry, i) => {
      const own = records.filter(({ sample }) => sample === entry.sample);
      if (own.length === 0) return;
      const outcomes = own.map(({ probe }) => ({
        recipeId: probe.key.recipeId,
        targetVersion: probe.key.targetVersion,
        outcome: probe.outcome,
      }));
      queue.samples[i] = { ...entry, outcomes };
      probed.push(queue.samples[i]);
    });
  }
  return probed;
}

async function foldReady(
  { judge, services }: TurnDependencies,
  queues: readonly Queue[],
  hasReplica: boolean,
): Promise<number> {
  const labels = new Map(services.sentinels.map((recipe) => [recipeId(recipe), recipeLabel(recipe)]));
  const clusters = queues.map((queue): PartitionQueue<Cluster> => ({
    ...queue,
    waiting: clustersOf(queue.samples, services.sentinels.length),
  }));
  const foldable = foldableNow(clusters);
  const observations = foldable.map(({ samples }): ObservationEntry =>
    observationOf(
      samples.flatMap(({ sample, outcomes }) => outcomes.map((outcome) => ({ ...sample, ...outcome }))),
      labels,
      hasReplica,
    ),
  );
  if (observations.length > 0) await judge.fold(observations);
  return observations.length;
}

interface Cluster {
  readonly eventTimeMs: number;
  readonly offset: number;
  readonly ready: boolean;
  readonly samples: readonly UnfoldedSample[];
}

/** The rows of one event are one cluster. */
function clustersOf(samples: readonly UnfoldedSample[], recipes: number): Cluster[] {
  const byOffset = new Map<number, UnfoldedSample[]>();
  for (const entry of samples) {
    const { offset } = entry.sample.position;
    byOffset.set(offset, [...(byOffset.get(offset) ?? []), entry]);
  }
  return [...byOffset].map(([offset, rows]) => ({
    offset,
    eventTimeMs: rows[0]!.sample.eventTimeMs,
    ready: rows.every((entry) => isTerminal(entry, recipes)),
    samples: rows,
  }));
}

function isTerminal({ outcomes }: UnfoldedSample, recipes: number): boolean {
  return outcomes.length >= recipes;
}

/** `source/partition` → last folded offset, as run requests freeze them. */
export function frozenPositions(frontier: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(frontier).flatMap(([key, offset]): [string, number][] => {
    const [lane, source, partition] = splitFrontierKey(key);
    return lane === 'sentinel' ? [[`${source}/${partition}`, offset]] : [];
  });
  return Object.fromEntries(entries);
}

function splitFrontierKey(key: string): [lane: string, source: string, partition: string] {
  const first = key.indexOf('|');
  const last = key.lastIndexOf('|');
  return [key.slice(0, first), key.slice(first + 1, last), key.slice(last + 1)];
}
