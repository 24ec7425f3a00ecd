import type { ControlEntry, ObservationEntry } from './fold-log.ts';
import type { JudgeStatus } from './status.ts';

/** The running judge of one model. Its methods queue: nothing overlaps. */
export interface Judge {
  /** Rebuilds the state from the fold log and sends alerts that were raised but not delivered. Call once, first. */
  start(): Promise<void>;
  /** Appends observations, in the order given, then folds them. Observations folded before are left out. */
  fold(observations: readonly ObservationEntry[]): Promise<void>;
  /** Appends and folds a new baseline, a served version, a round of canaries or an acknowledgement. */
  control(entry: ControlEntry): Promise<void>;
  /** What is known now. */
  status(): JudgeStatus;
}
