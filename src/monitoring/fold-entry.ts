import { AppError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import type { Mark } from '../statistics/onset.ts';
import { applyAcknowledge } from './acknowledge.ts';
import { applyBaseline, applyVersion } from './apply-version.ts';
import { foldCanaries } from './canary-monitor.ts';
import type {
  CanariesEntry,
  CauseEntry,
  DeliveredEntry,
  FoldEntry,
  NumberedEntry,
  ThresholdEntry,
} from './fold-log.ts';
import { foldObservation, isStale } from './fold-observation.ts';
import type { JudgeState } from './judge-state.ts';
import { startMonitors } from './monitors.ts';
import { raiseAlarms, type Finding, type Folded } from './raise-alarm.ts';
import { computeVerdict, firingAlarms, riskLimitOf, verdictKind } from './verdict.ts';

/**
 * Folds one entry: pure and deterministic, so that equal logs give equal states, byte for byte in canonical JSON.
 * Everything that decides is in the state and the log; settings too are entries of the log (`threshold`).
 *
 * @throws {AppError} TEMPER_FOLD_LOG_BROKEN when the number is not the next one
 */
export function foldEntry(state: JudgeState, { seq, entry }: NumberedEntry): Folded {
  if (seq !== state.seq + 1)
    throw new AppError(
      'TEMPER_FOLD_LOG_BROKEN',
      `expected entry ${state.seq + 1} of the fold log of model ${state.model}, got ${seq}`,
    );
  const folded = applyEntry(state, entry, seq);
  const atMs = entry.kind === 'observation' ? entry.eventTimeMs : entry.atMs;
  return settleVerdict({ ...folded, state: { ...folded.state, seq } }, atMs);
}

function applyEntry(state: JudgeState, entry: FoldEntry, seq: number): Folded {
  switch (entry.kind) {
    case 'observation':
      return foldObservation(state, entry, seq);
    case 'baseline':
      return applyBaseline(state, entry.baselines, markOf(entry, seq));
    case 'version':
      return applyVersion(state, entry.version, markOf(entry, seq));
    case 'canaries':
      return applyCanaries(state, entry, markOf(entry, seq));
    case 'cause':
      return { state: withCause(state, entry), events: [] };
    case 'acknowledge':
      return applyAcknowledge(state, entry);
    case 'threshold':
      return { state: withSettings(state, entry), events: [] };
    case 'delivered':
      return { state: withDelivery(state, entry), events: [] };
    default:
      return entry satisfies never;
  }
}

function markOf({ atMs }: { readonly atMs: number }, index: number): Mark {
  return { index, timeMs: atMs };
}

/** Only canaries of the baseline's own set say anything about it. */
function applyCanaries(state: JudgeState, entry: CanariesEntry, at: Mark): Folded {
  if (isStale(state, entry.version)) return { state: { ...state, stale: state.stale + 1 }, events: [] };
  const { state: served, events } = applyVersion(state, entry.version, at);
  const [baseline] = served.baselines;
  if (baseline?.canarySetId !== entry.setId) return { state: served, events };
  const { state: canaries, worse } = foldCanaries(
    served.canaries,
    entry,
    at.index,
    served.settings.canaryLevel,
  );
  const next = { ...served, canaries };
  if (!worse) return { state: next, events };
  const raised = raiseAlarms(next, [canaryFinding(next, entry, at)]);
  return { state: raised.state, events: [...events, ...raised.events] };
}

/** Since: when the served version changed, if that was after the last unchanged round; otherwise this round. */
function canaryFinding(state: JudgeState, entry: CanariesEntry, at: Mark): Finding {
  const { served, canaries, baselines } = state;
  const changedWithVersion = served.version !== undefined && served.sinceSeq > canaries.unchangedSeq;
  return {
    monitor: 'canaries',
    limit: riskLimitOf(state, baselines[0]),
    onset: { index: at.index, timeMs: changedWithVersion ? served.sinceMs : at.timeMs },
    at,
    evidence: {
      worse: entry.worse,
      better: entry.better,
      compared: entry.compared,
      round: entry.round,
      p: Math.exp(canaries.lastLogP!),
      level: Math.exp(canaries.lastLogLevel!),
      test: canaries.tests,
    },
  };
}

function withCause(state: JudgeState, { alarmId, cause, evidence }: CauseEntry): JudgeState {
  const alarms = state.alarms.map((alarm) =>
    alarm.id === alarmId ? { ...alarm, cause, causeEvidence: evidence } : alarm,
  );
  return { ...state, alarms };
}

function withDelivery(state: JudgeState, { alarmId, status }: DeliveredEntry): JudgeState {
  const alarms = state.alarms.map((alarm) =>
    alarm.id === alarmId && !alarm.delivered.includes(status)
      ? { ...alarm, delivered: [...alarm.delivered, status] }
      : alarm,
  );
  return { ...state, alarms };
}

/** New settings start the detectors again, because their levels and bets are others; estimates and alarms stay. */
function withSettings(state: JudgeState, { settings }: ThresholdEntry): JudgeState {
  if (canonicalJson(settings) === canonicalJson(state.settings)) return state;
  return { ...state, settings, accepted: {}, monitors: startMonitors(state.baselines, settings) };
}

/** Notes when the verdict or its cause became another. */
function settleVerdict({ state, events }: Folded, atMs: number): Folded {
  const kind = verdictKind(state);
  const [alarm] = firingAlarms(state);
  const cause = alarm?.cause;
  const { verdict } = state;
  if (kind === verdict.kind && cause === verdict.cause) return { state, events };
  const sinceMs = alarm?.sinceMs ?? (kind === verdict.kind ? verdict.sinceMs : atMs);
  const next = { ...state, verdict: { kind, ...(cause !== undefined && { cause }), sinceMs } };
  return { state: next, events: [...events, { type: 'verdict_changed', verdict: computeVerdict(next) }] };
}
