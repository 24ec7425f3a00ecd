import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { featureCount } from '../../domain/target.ts';
import type { Classifier } from '../../ingest/classify.ts';
import { createEchoCheck } from '../../probing/echo-check.ts';
import type { Services } from '../compose.ts';

/** The start-up check of probe traffic, between the stream and the served model of this process. */
export interface Echo {
  /** The same classifier, with the check looking on. */
  watching(classify: Classifier): Classifier;
  /** Runs the check at its first call, and at the next when sending failed; nothing afterwards. */
  run(): Promise<void>;
}

const DRAWS = 2 ** 32;

export function createEcho({ config, served, permit, logger }: Services): Echo {
  const { echoWaitSeconds, dryRun } = config.probing;
  const { inputShape, range } = config.model;
  const check = createEchoCheck({
    features: featureCount(inputShape),
    range,
    random: () => randomInt(DRAWS) / DRAWS,
    send: (input) => served.predict(input, 1),
    waitMs: 1000 * echoWaitSeconds,
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    onUntagged() {
      permit.forbidUntagged();
      logger.error(
        { fix: 'let the logger keep the id or the header of requests' },
        'probe_came_back_untagged',
      );
    },
  });
  let isDone = echoWaitSeconds === 0 || dryRun;
  return {
    watching: (classify) => (record, partition) => {
      const found = classify(record, partition);
      check.see(record.value, found.outcome === 'skipped' && found.reason === 'probe_traffic');
      return found;
    },
    async run() {
      if (isDone) return;
      const verdict = await check.run();
      isDone = true;
      logger.info({ verdict, waitedSeconds: echoWaitSeconds }, 'probe_echo_checked');
    },
  };
}
