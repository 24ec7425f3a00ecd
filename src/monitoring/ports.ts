import type { Verdict } from '../domain/verdict.ts';
import type { Alarm } from './alarm.ts';
import type { CauseEvidence } from './cause.ts';
import type { DegradationEvent } from './degradation-event.ts';
import type { NumberedEntry } from './fold-log.ts';

/** Where the fold log is kept. */
export interface FoldLogPort {
  /**
   * Entries with numbers from `seq` on, ascending, without gaps: as many as the implementation likes to return at once,
   * and none only at the end of the log. The judge asks again from the last number plus one.
   */
  readFrom(seq: number): Promise<readonly NumberedEntry[]>;
  /**
   * Appends durably, all or nothing. An entry whose number is already taken must not be written twice. After a failure
   * the judge reads on from its last number, so an append that was written but not confirmed is found.
   */
  append(entries: readonly NumberedEntry[]): Promise<void>;
}

/** Runs the canaries on demand, when an alarm fires. Must bound its own time, and must not call the judge. */
export interface CauseExperimentPort {
  run(alarm: Alarm): Promise<CauseEvidence>;
}

/** Hands a degradation event to people or topics: at least once, idempotent by `id` and `status`. */
export interface AlertPort {
  deliver(event: DegradationEvent): Promise<void>;
}

/** Called after each change of the verdict; must not throw. */
export type OnVerdict = (verdict: Verdict) => void;
