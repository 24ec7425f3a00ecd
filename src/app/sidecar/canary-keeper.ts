import { toError } from '../../domain/errors.ts';
import type { CauseEvidence } from '../../monitoring/cause.ts';
import type { CanariesEntry } from '../../monitoring/fold-log.ts';
import type { CauseExperimentPort } from '../../monitoring/ports.ts';
import { decodeCanarySet } from '../../probing/canary-codec.ts';
import type { CanarySet } from '../../probing/canaries.ts';
import { runCanaryRound, type CanaryRound, type ProbeSettings } from '../../probing/canary-round.ts';
import type { Followed } from '../../probing/replica-follower.ts';
import type { Services } from '../compose.ts';

/** Holds the canaries of the last gated version and runs rounds of them: on a schedule, and when an alarm asks why. */
export interface CanaryKeeper {
  /** Loads a set when it is another one than the one held. */
  use(setId: string): Promise<void>;
  hasSet(): boolean;
  /** One round, as an entry for the judge; undefined without a set. */
  round(followed: Followed, number: number, atMs: number): Promise<CanariesEntry | undefined>;
  readonly experiment: CauseExperimentPort;
}

const EXPERIMENT_TIMEOUT_MS = 60_000;

export function createCanaryKeeper(services: Services, look: () => Promise<Followed>): CanaryKeeper {
  const { config, store, logger } = services;
  let set: CanarySet | undefined;
  const run = async (followed: Followed): Promise<CanaryRound | undefined> =>
    set === undefined
      ? undefined
      : runCanaryRound({
          set,
          reader: services.reader,
          prober: services.prober,
          settings: probeSettingsOf(services),
          replica: followed.replica,
          replicaScores: services.replicaScores,
          tolerance: config.probing.canaries.tolerance,
        });
  return {
    async use(setId) {
      if (set?.setId === setId) return;
      const text = await store.loadCanarySet(config.model.name, setId);
      if (text !== undefined) set = decodeCanarySet(text);
      else logger.warn({ setId }, 'canary_set_missing');
      if (set !== undefined) services.rememberKnownGood(set.canaries[0]!.input);
    },
    hasSet: () => set !== undefined,
    async round(followed, number, atMs) {
      const round = await run(followed);
      return round === undefined || set === undefined
        ? undefined
        : entryOf(set.setId, { round, followed, number, atMs });
    },
    experiment: {
      async run() {
        try {
          const result = await withinTime(async () => run(await look()), EXPERIMENT_TIMEOUT_MS);
          return result === undefined
            ? { failure: 'no canaries: nothing has passed the gate yet' }
            : evidenceOf(result);
        } catch (caught) {
          return { failure: toError(caught).message.slice(0, 300) };
        }
      },
    },
  };
}

/** Everything about a probe that the configuration fixes. */
export function probeSettingsOf({ sentinels, threat, config }: Services): ProbeSettings {
  return { recipes: sentinels, threat, seed: config.seed, bisectionSteps: config.probing.bisectionSteps };
}

interface RoundFacts {
  readonly round: CanaryRound;
  readonly followed: Followed;
  readonly number: number;
  readonly atMs: number;
}

function entryOf(setId: string, { round, followed, number, atMs }: RoundFacts): CanariesEntry {
  const { comparison, discordant, labelErrors } = round;
  return {
    kind: 'canaries',
    atMs,
    setId,
    round: number,
    ...(followed.version === undefined ? {} : { version: followed.version }),
    compared: comparison.compared,
    changed: comparison.changed,
    maximumDifference: finite(comparison.maximumDifference),
    ...discordant,
    ...labelErrors,
  };
}

function evidenceOf({
  comparison,
  discordant,
  labelErrors,
  replicaAgreement,
  readings,
}: CanaryRound): CauseEvidence {
  return {
    canaries: {
      compared: comparison.compared,
      changed: comparison.changed,
      maximumDifference: finite(comparison.maximumDifference),
      flipped: comparison.flipped,
      ...discordant,
    },
    ...(replicaAgreement === undefined
      ? {}
      : { replica: { compared: readings.length, agreed: Math.round(replicaAgreement * readings.length) } }),
    cleanError: labelErrors,
  };
}

/** JSON has no infinity; another number of classes is as different as can be. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.MAX_VALUE;
}

async function withinTime<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the canaries were not answered within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
