import type { Clock } from '../../src/domain/clock.ts';
import type { Logger } from '../../src/domain/logger.ts';
import type { Recipe } from '../../src/domain/recipe.ts';
import type { RunRequest, StageName } from '../../src/domain/run.ts';
import type { ThreatModel } from '../../src/domain/threat-model.ts';
import type { ComputePool } from '../../src/engine/pool.ts';
import type { RecipeBook } from '../../src/evaluation/recipe-book.ts';
import type { Registry } from '../../src/models/registry.ts';
import type { Prober } from '../../src/probing/prober.ts';
import type { ServedReader } from '../../src/probing/served-reader.ts';
import type { Store } from '../../src/store/store.ts';
import type { HardenConfig } from './config.ts';

/** What the stages of one run work with. */
export interface HardenContext {
  readonly runId: string;
  /** Folder of the run: one subfolder per finished stage. */
  readonly runDirectory: string;
  readonly request: RunRequest;
  /** Who the ledger names: the harden worker. */
  readonly actor: string;
  readonly model: { readonly name: string; readonly inputShape: readonly number[]; readonly classes: number };
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly settings: HardenConfig;
  /** Probing as the sidecar does it: verify measures the baseline with the same recipes and steps. */
  readonly sentinels: readonly Recipe[];
  /** Recipes and suites of the recipe files, which settings may name. */
  readonly book: RecipeBook;
  readonly bisectionSteps: number;
  readonly canaryCount: number;
  /** Coverage of the baseline's intervals. */
  readonly baselineConfidence: number;
  readonly store: Store;
  readonly registry: Registry;
  /** How many of the newest versions stay on disk. */
  readonly keepVersions: number;
  readonly pool: ComputePool;
  readonly reader: ServedReader;
  readonly prober: Prober;
  /** Version the served model reports as available, newest first; undefined when it reports none. */
  readonly servedVersion: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How far a stage is, for people who wait: `done` of `total`, and figures worth seeing. */
  readonly progress: (stage: StageName, update: StageProgress) => void;
}

export interface StageProgress {
  readonly done: number;
  readonly total: number;
  readonly figures?: Readonly<Record<string, number | string>>;
}
