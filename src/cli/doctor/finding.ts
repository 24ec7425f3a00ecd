import type { TemperConfig } from '../../config/load.ts';
import type { Run } from '../run.ts';

export const STATES = ['ok', 'warn', 'fail', 'unreachable'] as const;
/** `warn`: works, but look at it. `fail`: will not work. `unreachable`: something that should answer does not. */
export type State = (typeof STATES)[number];

/** One line of the doctor's table. */
export interface Finding {
  readonly subject: string;
  readonly state: State;
  /** What was found, in a few words. */
  readonly finding: string;
  /** What to do about it; absent when it is ok. */
  readonly fix?: string;
}

/** Looks at one dependency. Never throws for what it is there to find. */
export type Check = (config: TemperConfig, run: Run) => Promise<readonly Finding[]>;

/** Looks at the machine alone, so it needs no configuration. */
export type MachineCheck = (run: Run) => Promise<readonly Finding[]>;

export function ok(subject: string, finding: string): Finding {
  return { subject, state: 'ok', finding };
}

export function bad(
  subject: string,
  state: Exclude<State, 'ok'>,
  detail: { readonly finding: string; readonly fix: string },
): Finding {
  return { subject, state, ...detail };
}
