import { hasCode } from '../domain/errors.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Registry } from '../models/registry.ts';
import type { ServedModel } from '../models/served.ts';

export interface Followed {
  /** Version the served model reports; undefined when it reports none as available. */
  readonly version: string | undefined;
  /** Replica of that version, or the last one known when the registry does not have it. */
  readonly replica: ModelRef | undefined;
  /** Whether the replica belongs to another version than the served one. */
  readonly stale: boolean;
}

export interface ReplicaFollower {
  /** Asks the served model and the registry. @throws {AppError} when the served model does not answer */
  look(): Promise<Followed>;
}

/** Keeps the replica at the version that is served: white-box attacks on another version are only transfer attacks. */
export function createReplicaFollower(options: {
  readonly served: ServedModel;
  readonly registry: Registry;
  readonly model: string;
  /** What is attacked where the registry does not have the served version; the agreement says whether it is the same. */
  readonly fallback?: ModelRef | undefined;
}): ReplicaFollower {
  const { served, registry, model, fallback } = options;
  let known: { version: string; replica: ModelRef } | undefined;
  return {
    async look() {
      const version = newestAvailable((await served.status()).versions);
      if (version !== undefined && version !== known?.version) {
        const replica = await replicaOfVersion(registry, model, version);
        if (replica !== undefined) known = { version, replica };
      }
      if (known?.version !== version && fallback !== undefined)
        return { version, replica: fallback, stale: false };
      return { version, replica: known?.replica, stale: known !== undefined && known.version !== version };
    },
  };
}

/** Highest version that answers. */
export function newestAvailable(versions: readonly { version: string; state: string }[]): string | undefined {
  const available = versions.filter(({ state }) => state === 'AVAILABLE').map(({ version }) => version);
  return available.sort((a, b) => Number(b) - Number(a))[0];
}

async function replicaOfVersion(
  registry: Registry,
  model: string,
  version: string,
): Promise<ModelRef | undefined> {
  try {
    return (await registry.version(model, Number(version))).ref;
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_MODEL_NOT_FOUND')) return undefined;
    throw caught;
  }
}
