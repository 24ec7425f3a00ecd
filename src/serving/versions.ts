/**
 * Which version serves. The registry's `current` is polled; a new version is loaded and tried whole before it takes
 * over, and the old one goes on answering what it had begun. States are those of TensorFlow Serving:
 *   LOADING → AVAILABLE → UNLOADING (a newer one took over, requests in flight) → END;  LOADING → END with an error.
 */
import { toError } from '../domain/errors.ts';
import type { Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import type { Registry } from '../models/registry.ts';
import type { VersionState, VersionStatus } from '../protocols/tf-serving-status.ts';
import { withStableScores, type CreateScorer, type Scorer } from './scorer.ts';

/** The right to use a version until it is released. */
export interface Lease {
  readonly version: string;
  readonly scorer: Scorer;
  /** To be called once. */
  release(): void;
}

export interface ServedVersions {
  /** Newest first; versions that ended are remembered for a while. */
  statuses(): VersionStatus[];
  /** The version that serves now, or the given one if it is that; undefined otherwise. */
  lease(version?: string): Lease | undefined;
}

export interface VersionsOptions {
  readonly registry: Registry;
  readonly model: string;
  readonly createScorer: CreateScorer;
  readonly pollMs: number;
  readonly logger: Logger;
}

interface Loaded {
  readonly version: number;
  readonly scorer: Scorer;
  inFlight: number;
  retired: boolean;
}

const REMEMBERED_ENDS = 10;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** Loads what `current` names, if there is anything yet, and follows it. */
export async function startVersions(options: VersionsOptions): Promise<Running<ServedVersions>> {
  const { logger, model, registry } = options;
  const states = createStates();
  let active: Loaded | undefined;
  let failed: { readonly version: number; readonly retryAtMs: number; readonly pauseMs: number } | undefined;
  let stopped = false;

  const retire = (loaded: Loaded): void => {
    loaded.retired = true;
    states.set(loaded.version, 'UNLOADING');
    disposeIfIdle(loaded, states);
  };
  const load = async (version: number): Promise<void> => {
    states.set(version, 'LOADING');
    try {
      const scorer = await loadScorer(options, version);
      const old = active;
      active = { version, scorer, inFlight: 0, retired: false };
      failed = undefined;
      states.set(version, 'AVAILABLE');
      if (old !== undefined) retire(old);
      logger.info({ model, version, rowByRow: scorer.rowByRow }, 'model_version_available');
    } catch (caught) {
      const pauseMs =
        failed?.version === version ? Math.min(2 * failed.pauseMs, LAST_RETRY_MS) : FIRST_RETRY_MS;
      failed = { version, pauseMs, retryAtMs: performance.now() + pauseMs };
      states.fail(version, toError(caught).message);
      logger.error({ model, version, err: caught, retryInMs: pauseMs }, 'model_version_not_loaded');
    }
  };
  const poll = async (): Promise<void> => {
    const version = await registry.currentVersion(model);
    if (version === undefined || version === active?.version) return;
    if (failed?.version === version && performance.now() < failed.retryAtMs) return;
    await load(version);
  };
  const loop = startLoop(poll, options);
  await loop.first;
  if (active === undefined) logger.warn({ model }, 'no_model_version_to_serve_yet');
  return {
    value: {
      statuses: () => states.list(),
      lease: (version) => {
        if (active === undefined || stopped) return undefined;
        if (version !== undefined && version !== `${active.version}`) return undefined;
        return leaseOf(active, states);
      },
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      await loop.stop();
      if (active !== undefined) retire(active);
    },
  };
}

async function loadScorer(
  { registry, model, createScorer }: VersionsOptions,
  version: number,
): ReturnType<typeof withStableScores> {
  const scorer = await createScorer(await registry.version(model, version));
  try {
    return await withStableScores(scorer);
  } catch (caught) {
    scorer.dispose();
    throw caught;
  }
}

function leaseOf(loaded: Loaded, states: States): Lease {
  loaded.inFlight += 1;
  return {
    version: `${loaded.version}`,
    scorer: loaded.scorer,
    release() {
      loaded.inFlight -= 1;
      disposeIfIdle(loaded, states);
    },
  };
}

function disposeIfIdle(loaded: Loaded, states: States): void {
  if (!loaded.retired || loaded.inFlight > 0) return;
  loaded.scorer.dispose();
  states.set(loaded.version, 'END');
}

/** Polls without overlap: the next poll is planned when the last one ended. */
function startLoop(
  poll: () => Promise<void>,
  { pollMs, logger, model }: VersionsOptions,
): { readonly first: Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const turn = async (): Promise<void> => {
    try {
      await poll();
    } catch (caught) {
      logger.error({ model, err: caught }, 'registry_poll_failed');
    } finally {
      if (!stopped) timer = setTimeout(next, pollMs).unref();
    }
  };
  let running = turn();
  function next(): void {
    running = turn();
  }
  return {
    first: running,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

interface States {
  set(version: number, state: VersionState): void;
  fail(version: number, message: string): void;
  list(): VersionStatus[];
}

function createStates(): States {
  const states = new Map<number, VersionStatus>();
  const put = (version: number, status: Omit<VersionStatus, 'version'>): void => {
    states.set(version, { version: `${version}`, ...status });
    const ended = [...states].filter(([, { state }]) => state === 'END').sort(([a], [b]) => b - a);
    for (const [old] of ended.slice(REMEMBERED_ENDS)) states.delete(old);
  };
  return {
    set: (version, state) => {
      put(version, { state, errorCode: 'OK', errorMessage: '' });
    },
    fail: (version, errorMessage) => {
      put(version, { state: 'END', errorCode: 'UNKNOWN', errorMessage });
    },
    list: () => [...states].sort(([a], [b]) => b - a).map(([, status]) => status),
  };
}
