import { createRng } from '../../../src/domain/rng.ts';
import { monitoringConfigSchema } from '../../../src/monitoring/config.ts';
import { computeBaseline, type Baseline } from '../../../src/monitoring/baseline.ts';
import { foldEntry } from '../../../src/monitoring/fold-entry.ts';
import type { CanariesEntry, FoldEntry, ObservationEntry } from '../../../src/monitoring/fold-log.ts';
import { judgeSettingsOf, type JudgeSettings } from '../../../src/monitoring/judge-settings.ts';
import { initialState, type JudgeState } from '../../../src/monitoring/judge-state.ts';
import type { JudgeEvent } from '../../../src/monitoring/raise-alarm.ts';

export const RECIPE = 'pgd-20@1f3a5c7e';
export const RECIPE_ID = '1f3a5c7e00000000';
export const START_MS = Date.UTC(2024, 5, 1);
/** Half a minute between sampled events. */
export const STEP_MS = 30_000;

export function settings(overrides: Partial<JudgeSettings> = {}): JudgeSettings {
  return { ...judgeSettingsOf(monitoringConfigSchema.parse({})), ...overrides };
}

/** One event with one row; its offset is its number, its time follows from it. */
export function observation(
  offset: number,
  loss: number,
  more: Partial<ObservationEntry> = {},
): ObservationEntry {
  return {
    kind: 'observation',
    lane: 'sentinel',
    eventId: `event-${offset}`,
    position: { source: 'file:a.jsonl', partition: 0, offset },
    eventTimeMs: START_MS + offset * STEP_MS,
    rows: 1,
    recipes: [
      {
        recipe: RECIPE,
        recipeId: RECIPE_ID,
        lossLower: loss,
        lossUpper: loss,
        binary: loss > 0 ? 1 : 0,
        ...(loss > 0 && { example: `event-${offset}#0` }),
      },
    ],
    ...more,
  };
}

/** An event of which nothing came back. */
export function missing(offset: number): ObservationEntry {
  const whole = observation(offset, 0);
  return {
    ...whole,
    recipes: [{ recipe: RECIPE, recipeId: RECIPE_ID, lossLower: 0, lossUpper: 1, binary: 0 }],
  };
}

/** Losses of a hardened model: most inputs withstand, the others break near epsilon. Mean about 0.1. */
export function quietLosses(count: number, seed = 'quiet'): number[] {
  const rng = createRng('losses', seed);
  return Array.from({ length: count }, () => (rng.uniform() < 0.75 ? 0 : 0.8 * rng.uniform()));
}

/** Losses of an undefended model. Mean about 0.8. */
export function brokenLosses(count: number, seed = 'broken'): number[] {
  const rng = createRng('losses', seed);
  return Array.from({ length: count }, () => 0.65 + 0.3 * rng.uniform());
}

export function baselineOf(
  version: string,
  losses: readonly number[] = quietLosses(2000, 'baseline'),
): Baseline {
  return computeBaseline(
    losses.map((loss) => ({ loss, success: loss > 0, misread: false })),
    {
      model: 'digits',
      version,
      recipe: RECIPE,
      recipeId: RECIPE_ID,
      threatModelId: 'threat',
      canarySetId: 'set-1',
      createdAtMs: START_MS,
      confidence: 0.99,
    },
  );
}

export function canaries(more: Partial<CanariesEntry> = {}): CanariesEntry {
  return {
    kind: 'canaries',
    atMs: START_MS,
    setId: 'set-1',
    round: 1,
    compared: 200,
    changed: false,
    ...more,
  };
}

export const baselineEntry = (version: string, losses?: readonly number[]): FoldEntry => ({
  kind: 'baseline',
  atMs: START_MS,
  baselines: [baselineOf(version, losses)],
});

export const versionEntry = (version: string, atMs = START_MS): FoldEntry => ({
  kind: 'version',
  atMs,
  version,
});

export interface Run {
  readonly state: JudgeState;
  readonly events: readonly JudgeEvent[];
}

/** Folds entries one after another, from the beginning or from where a run stands. */
export function run(entries: readonly FoldEntry[], from?: JudgeState): Run {
  let state = from ?? initialState('digits', settings());
  const events: JudgeEvent[] = [];
  for (const entry of entries) {
    const folded = foldEntry(state, { seq: state.seq + 1, entry });
    state = folded.state;
    events.push(...folded.events);
  }
  return { state, events };
}

/** Served version 2 with its baseline, then quiet traffic. */
export function quietRun(folds: number): Run {
  return run([
    versionEntry('2'),
    baselineEntry('2'),
    ...quietLosses(folds).map((loss, offset) => observation(offset, loss)),
  ]);
}

export const raised = ({ events }: Run) =>
  events.flatMap((event) => (event.type === 'alarm_raised' ? [event.alarm] : []));

export const verdicts = ({ events }: Run) =>
  events.flatMap((event) => (event.type === 'verdict_changed' ? [event.verdict.kind] : []));
