import { createHmac } from 'node:crypto';
import { join, resolve } from 'node:path';
import { threatModelOf, type TemperConfig } from '../config/load.ts';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { ReleaseStack } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Recipe } from '../domain/recipe.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { EngineChoice } from '../engine/choose.ts';
import { createPool, type ComputePool } from '../engine/pool.ts';
import { readRecipeFiles, type RecipeBook } from '../evaluation/recipe-book.ts';
import { recipeNamed } from '../evaluation/suites.ts';
import { fetchModel } from '../models/fetch-model.ts';
import { replicaRefOf } from '../models/replica.ts';
import { createRegistry, type Registry } from '../models/registry.ts';
import { createServedModel, type ServedModel } from '../models/served.ts';
import { createPermit, type Permit } from '../probing/permit.ts';
import { createPoolCraft, createPoolScores } from '../probing/pool-craft.ts';
import { createProber, THE_SERVED_MODEL, type Prober } from '../probing/prober.ts';
import { createServedCraft } from '../probing/served-craft.ts';
import { createServedReader, type ServedReader } from '../probing/served-reader.ts';
import { openStore, type Store, type StoreOptions } from '../store/store.ts';

/** What the processes of Temper have in common, put together from one configuration. */
export interface Services {
  readonly config: TemperConfig;
  readonly threat: ThreatModel;
  readonly sentinels: readonly Recipe[];
  /** Recipes and suites of the recipe files. */
  readonly book: RecipeBook;
  readonly store: Store;
  readonly registry: Registry;
  readonly served: ServedModel;
  /** The replica that the configuration names, for versions that the registry does not have. */
  readonly replica: ModelRef | undefined;
  /** Whether queries may be sent to it. */
  readonly permit: Permit;
  readonly pool: ComputePool;
  readonly reader: ServedReader;
  readonly prober: Prober;
  readonly replicaScores: ReturnType<typeof createPoolScores>;
  /** Remembers an input that the served model answered, to tell bad input from a bad server. */
  readonly rememberKnownGood: (input: Float32Array) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ComposeOptions {
  readonly config: TemperConfig;
  readonly engine: EngineChoice;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly releases: ReleaseStack;
  /** Who writes to the registry, in words for people. */
  readonly owner: string;
  readonly workers: number | undefined;
}

/** Starts store and pool, and builds everything on them. What was started is on the release stack. */
export async function composeServices(options: ComposeOptions): Promise<Services> {
  const { config, clock, logger, releases, engine } = options;
  if (!config.probing.acknowledgeProbeTraffic && !config.probing.dryRun) {
    throw new AppError(
      'TEMPER_POLICY_REFUSED',
      'probing.acknowledgeProbeTraffic: expected true, got false. Probes are queries to the served model: they cost money and may have side effects. Set it to true once whoever runs the model agrees.',
    );
  }
  const book = await readRecipeFiles(config.attacks.recipes);
  const store = releases.adopt('store', await openStore(storeOptionsOf(config, clock, logger)));
  const registry = createRegistry({ ...config.registry, clock, logger, owner: options.owner });
  const { inputShape, classes } = config.model;
  const probeKey = probeKeyOf(config);
  const permit = createPermit({ dryRun: config.probing.dryRun, killSwitch: config.probing.killSwitch });
  const served = createServedModel({
    config: config.served,
    inputShape,
    classes,
    clock,
    logger,
    probeKey,
    permit: () => permit.check(),
  });
  releases.defer('served model', () => served.close());
  const pool = releases.adopt(
    'compute pool',
    createPool({ engine: engine.name, workers: options.workers, logger }),
  );
  let knownGood: Float32Array | undefined;
  const [onReplica, onServed] = [createPoolCraft(pool), createServedCraft(served)];
  const reader = createServedReader({ served, knownGood: () => knownGood });
  return {
    config,
    threat: threatModelOf(config),
    sentinels: config.probing.sentinels.map((name) => recipeNamed(name, book)),
    book,
    store,
    registry,
    served,
    replica: await configuredReplica(config),
    permit,
    pool,
    reader,
    prober: createProber({
      craft: (request) => (request.model === THE_SERVED_MODEL ? onServed : onReplica)(request),
      reader,
    }),
    replicaScores: createPoolScores(pool),
    rememberKnownGood: (input) => (knownGood = input),
    clock,
    logger,
  };
}

async function configuredReplica({ served, registry }: TemperConfig): Promise<ModelRef | undefined> {
  const { replica } = served;
  if (replica === undefined) return undefined;
  const isUrl = /^https?:/.test(replica);
  return replicaRefOf(
    isUrl ? await fetchModel(replica, join(registry.directory, '.replicas')) : resolve(replica),
  );
}

/** Key that signs probe traffic: derived from the sampling key, so that one secret serves both and neither tells the other. */
export function probeKeyOf({ stream }: Pick<TemperConfig, 'stream'>): string {
  return createHmac('sha256', stream.sampling.key.reveal()).update('probe-tag').digest('hex');
}

/** The store's section as the store wants it. */
export function storeOptionsOf(
  { store }: Pick<TemperConfig, 'store'>,
  clock: Clock,
  logger: Logger,
): StoreOptions {
  const { password, ...rest } = store;
  return { ...rest, password: password?.reveal(), clock, logger };
}
