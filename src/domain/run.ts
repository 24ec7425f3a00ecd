/** Who may ask for a run. */
export const TRIGGERS = ['threshold', 'schedule', 'manual', 'alertmanager'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** "Harden this model, because …", written by a trigger and claimed by a harden worker. */
export interface RunRequest {
  readonly requestId: string;
  readonly model: string;
  readonly trigger: Trigger;
  readonly reason: string;
  /** Alarm that tripped; deduplicates requests. */
  readonly alarmId?: string;
  readonly requestedAtMs: number;
  /** What collect may see: per `source/partition`, the last offset (inclusive) ingested when the request was made. */
  readonly frozenPositions: Readonly<Record<string, number>>;
}

export const RUN_STATES = ['claimed', 'promoted', 'refused', 'failed'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const STAGES = ['collect', 'generate', 'train', 'evaluate', 'gate', 'promote', 'verify'] as const;
export type StageName = (typeof STAGES)[number];
