import { existsSync } from 'node:fs';
import { AppError } from '../domain/errors.ts';

/** Why nothing is sent, apart from what the served model itself gives cause for. */
export const SWITCHES = ['dry_run', 'kill_switch', 'untagged_probes'] as const;
export type Switch = (typeof SWITCHES)[number];

/** Whether queries may be sent, as the people who run the served model want it. */
export interface Permit {
  /** @throws {AppError} TEMPER_TARGET_PAUSED (retryable), with `reason` in its details */
  check(): void;
  /** What forbids it now; undefined: nothing. */
  forbidden(): Switch | undefined;
  /** Probes came back as production traffic: none is sent any more until the process is started again. */
  forbidUntagged(): void;
}

export interface PermitOptions {
  readonly dryRun: boolean;
  /** A file; nothing is sent while it exists. */
  readonly killSwitch: string | undefined;
  readonly exists?: (path: string) => boolean;
}

const SENTENCES: Readonly<Record<Switch, string>> = {
  dry_run: 'probing.dryRun is true: nothing is sent to the served model. Set it to false to probe',
  kill_switch:
    'the file of probing.killSwitch exists: nothing is sent to the served model. Remove it to probe',
  untagged_probes:
    'a probe came back on the stream without its tag, so probes would be sampled as production traffic. ' +
    'Let the logger keep the id or the header x-temper-probe, then start again',
};

/** Looks for the file each time: a look costs some microseconds, and a switch has to work at once. */
export function createPermit({ dryRun, killSwitch, exists = existsSync }: PermitOptions): Permit {
  let isUntagged = false;
  const forbidden = (): Switch | undefined => {
    if (dryRun) return 'dry_run';
    if (killSwitch !== undefined && exists(killSwitch)) return 'kill_switch';
    return isUntagged ? 'untagged_probes' : undefined;
  };
  return {
    forbidden,
    check() {
      const reason = forbidden();
      if (reason === undefined) return;
      throw new AppError('TEMPER_TARGET_PAUSED', `${SENTENCES[reason]}.`, {
        retryable: true,
        details: { reason },
      });
    },
    forbidUntagged() {
      isUntagged = true;
    },
  };
}
