import type { Clock } from '../domain/clock.ts';
import { toError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import type { Logger } from '../domain/logger.ts';
import type { Alarm } from './alarm.ts';
import { attributeCause, type CauseEvidence } from './cause.ts';
import { computeDegradationEvent, type AlertLinks } from './degradation-event.ts';
import { foldEntry } from './fold-entry.ts';
import {
  parseFoldEntry,
  type ControlEntry,
  type FoldEntry,
  type NumberedEntry,
  type ObservationEntry,
} from './fold-log.ts';
import { isLogged } from './fold-observation.ts';
import type { JudgeSettings } from './judge-settings.ts';
import { initialState, type JudgeState } from './judge-state.ts';
import type { AlertPort, CauseExperimentPort, FoldLogPort, OnVerdict } from './ports.ts';
import type { JudgeEvent } from './raise-alarm.ts';
import { computeStatus, type JudgeStatus } from './status.ts';
import { computeVerdict } from './verdict.ts';

/** The running judge of one model. Its methods queue: nothing overlaps. */
export interface Judge {
  /** Rebuilds the state from the fold log and sends alerts that were raised but not delivered. Call once, first. */
  start(): Promise<void>;
  /**
   * Appends observations, in the order given (see fold-order.ts), then folds them. Observations that are in the log
   * already are left out, so a caller may hand the same ones in again after a failure.
   */
  fold(observations: readonly ObservationEntry[]): Promise<void>;
  /** Appends and folds a new baseline, a served version, a round of canaries or an acknowledgement. */
  control(entry: ControlEntry): Promise<void>;
  /** What is known now. */
  status(): JudgeStatus;
  /** Canonical JSON of the whole state: equal logs give equal text. */
  snapshot(): string;
}

export interface JudgeDependencies {
  readonly model: string;
  readonly foldLog: FoldLogPort;
  readonly experiment: CauseExperimentPort;
  readonly alerts: AlertPort;
  readonly onVerdict?: OnVerdict;
  readonly links?: AlertLinks;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The judge of one model. It appends before it acts: an entry is folded on the side, appended, and only then adopted and
 * acted upon, so the log never holds what cannot be folded, and nobody hears of what is not in the log. A restart folds
 * the log to the same state and goes on with what was left: experiments not run, alerts not delivered (at least once;
 * receivers recognise the alarm's id). A failed append is followed by reading on, in case it was written after all.
 */
export function createJudge(settings: JudgeSettings, deps: JudgeDependencies): Judge {
  const { model, foldLog, clock, logger } = deps;
  let state = initialState(model, settings);
  let mustReadOn = true;
  let tail: Promise<unknown> = Promise.resolve();

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  const adopt = (next: JudgeState, events: readonly JudgeEvent[]): void => {
    state = next;
    for (const event of events) announce(event, deps);
  };
  const readOn = async (): Promise<void> => {
    for (;;) {
      const page = await foldLog.readFrom(state.seq + 1);
      if (page.length === 0) break;
      state = foldAll(state, page.map(checked)).state;
    }
    mustReadOn = false;
  };
  const append = async (entries: readonly FoldEntry[]): Promise<void> => {
    if (entries.length === 0) return;
    const numbered = entries.map((entry, i) => checked({ seq: state.seq + 1 + i, entry }));
    const folded = foldAll(state, numbered);
    try {
      await foldLog.append(numbered);
    } catch (caught) {
      mustReadOn = true;
      throw caught;
    }
    adopt(folded.state, folded.events);
  };
  const act = (): Promise<void> =>
    settleAlarms({ deps, append, alarms: () => state.alarms, state: () => state });
  const ready = async (): Promise<void> => {
    if (mustReadOn) await readOn();
  };

  return {
    start: () =>
      inTurn(async () => {
        await readOn();
        const configured = canonicalJson(settings) === canonicalJson(state.settings);
        if (state.seq === 0 || !configured)
          await append([{ kind: 'threshold', atMs: clock.nowMs(), settings }]);
        logger.info({ model, entries: state.seq, verdict: state.verdict.kind }, 'judge_started');
        deps.onVerdict?.(computeVerdict(state));
        await act();
      }),
    fold: (observations) =>
      inTurn(async () => {
        await ready();
        await append(observations.filter((observation) => !isLogged(state, observation)));
        await act();
      }),
    control: (entry) =>
      inTurn(async () => {
        await ready();
        if (!isNoNews(state, entry)) await append([entry]);
        await act();
      }),
    status: () => computeStatus(state),
    snapshot: () => canonicalJson(state),
  };
}

interface SettleOptions {
  readonly deps: JudgeDependencies;
  readonly append: (entries: readonly FoldEntry[]) => Promise<void>;
  readonly alarms: () => readonly Alarm[];
  readonly state: () => JudgeState;
}

/** Finds the cause of alarms that have none yet, then delivers what was not delivered. Both are logged when done. */
async function settleAlarms({ deps, append, alarms, state }: SettleOptions): Promise<void> {
  for (const { id } of alarms().filter(needsCause)) {
    const alarm = alarms().find((each) => each.id === id)!;
    const evidence = await runExperiment(deps, alarm);
    const { minimumReplicaAgreement } = state().settings;
    const cause = attributeCause({ monitor: alarm.monitor, evidence, minimumReplicaAgreement });
    await append([{ kind: 'cause', atMs: deps.clock.nowMs(), alarmId: id, cause, evidence }]);
  }
  for (const alarm of alarms()) {
    for (const status of dueEvents(alarm)) {
      if (!(await deliver(deps, { ...alarm, status }))) return;
      await append([{ kind: 'delivered', atMs: deps.clock.nowMs(), alarmId: alarm.id, status }]);
    }
  }
}

/** A version that is polled again and again is said once. */
function isNoNews({ served }: JudgeState, entry: ControlEntry): boolean {
  return entry.kind === 'version' && entry.version === served.version;
}

function needsCause({ status, cause }: Alarm): boolean {
  return status === 'firing' && cause === undefined;
}

/** Firing first, even when it is over by now: somebody should know that it was. */
function dueEvents({ status, delivered }: Alarm): Alarm['status'][] {
  const wanted: Alarm['status'][] = status === 'firing' ? ['firing'] : ['firing', 'resolved'];
  return wanted.filter((each) => !delivered.includes(each));
}

/** An experiment that fails is evidence of nothing: the alarm goes out with an unknown cause. */
async function runExperiment(
  { experiment, logger }: JudgeDependencies,
  alarm: Alarm,
): Promise<CauseEvidence> {
  try {
    return await experiment.run(alarm);
  } catch (caught) {
    const failure = toError(caught);
    logger.error({ err: failure, alarmId: alarm.id }, 'cause_experiment_failed');
    return { failure: failure.message };
  }
}

/** @returns whether it was taken; if not it stays due, and is tried again after the next entries */
async function deliver({ alerts, links = {}, logger }: JudgeDependencies, alarm: Alarm): Promise<boolean> {
  try {
    await alerts.deliver(computeDegradationEvent(alarm, links));
    return true;
  } catch (caught) {
    logger.error({ err: toError(caught), alarmId: alarm.id, status: alarm.status }, 'alert_not_delivered');
    return false;
  }
}

function announce(event: JudgeEvent, { logger, onVerdict }: JudgeDependencies): void {
  switch (event.type) {
    case 'alarm_raised':
    case 'alarm_resolved': {
      const { id, monitor, recipe, version, samplesSinceChange } = event.alarm;
      logger.warn({ alarmId: id, monitor, recipe, version, samplesSinceChange }, event.type);
      return;
    }
    case 'verdict_changed':
      logger.info({ verdict: event.verdict.kind, cause: event.verdict.cause }, event.type);
      onVerdict?.(event.verdict);
      return;
    default:
      event satisfies never;
  }
}

function foldAll(
  start: JudgeState,
  entries: readonly NumberedEntry[],
): { state: JudgeState; events: JudgeEvent[] } {
  let state = start;
  const events: JudgeEvent[] = [];
  for (const numbered of entries) {
    const folded = foldEntry(state, numbered);
    state = folded.state;
    events.push(...folded.events);
  }
  return { state, events };
}

function checked({ seq, entry }: NumberedEntry): NumberedEntry {
  return { seq, entry: parseFoldEntry(entry, `number ${seq}`) };
}
