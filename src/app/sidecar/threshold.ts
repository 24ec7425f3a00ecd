import {
  dueAlarm,
  requestIdOf,
  type OpenAlarm,
  type ThresholdState,
} from '../../../pipelines/harden/threshold-trigger.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Alarm } from '../../monitoring/alarm.ts';
import { parseFoldEntry, type FoldEntry } from '../../monitoring/fold-log.ts';
import type { JudgeStatus } from '../../monitoring/status.ts';
import type { Store } from '../../store/store.ts';
import type { Services } from '../compose.ts';
import { frozenPositions } from './turn.ts';

/** Writes a run request when an alarm is due for one. What collect sees is frozen where the alarm had settled. */
export async function requestWhenDue(services: Services, status: JudgeStatus, logger: Logger): Promise<void> {
  const { config, store } = services;
  const open = openAlarms(status);
  if (open.length === 0) return;
  const model = config.model.name;
  const requests = (await store.listRuns(model))
    .map(({ request }) => request)
    .filter(({ trigger }) => trigger === 'threshold');
  const nowMs = status.lastEventTimeMs ?? 0;
  const due = dueAlarm({ alarms: open, requests, folds: status.foldsInAll, nowMs }, config.harden.trigger);
  if (due === undefined) return;
  const alarm = status.alarms.find(({ id }) => id === due.alarmId)!;
  const log = await readFrom(store, model, alarm.raisedSeq + 1);
  const { atMs, beyond } = settledPlace(log, alarm, { requests, trigger: config.harden.trigger });
  const request = {
    requestId: requestIdOf(model, 'threshold', due.alarmId),
    model,
    trigger: 'threshold' as const,
    reason: `${due.verdict}, cause ${due.cause}`,
    alarmId: due.alarmId,
    requestedAtMs: atMs,
    frozenPositions: { ...frozenPositions(status.frontier), ...beyond },
  };
  await store.saveRunRequest(request);
  logger.info({ request: request.requestId, alarm: due.alarmId }, 'run_requested');
}

async function readFrom(store: Store, model: string, from: number): Promise<FoldEntry[]> {
  const entries: FoldEntry[] = [];
  for (;;) {
    const rows = await store.readFoldLog(model, from + entries.length, PAGE);
    if (rows.length === 0) return entries;
    for (const { seq, payload } of rows)
      entries.push(parseFoldEntry(JSON.parse(payload), `fold_log of ${model}, seq ${seq}`));
  }
}

const PAGE = 2000;

export interface SettledPlace {
  /** Event time at which the alarm was due for a request, ms. */
  readonly atMs: number;
  /** `source/partition` → offset before the first event that was folded later. */
  readonly beyond: Readonly<Record<string, number>>;
}

/**
 * Where an alarm became due for a request. The question is asked once a turn, and where turns end depends on the clock;
 * the answer does not, so that the same stream is hardened on the same samples.
 *
 * @param entries of the fold log after the one that raised the alarm
 */
export function settledPlace(
  entries: readonly FoldEntry[],
  { raisedAtMs }: Pick<Alarm, 'raisedAtMs'>,
  {
    requests,
    trigger,
  }: Pick<ThresholdState, 'requests'> & {
    readonly trigger: { readonly cooldownSeconds: number; readonly settleSamples: number };
  },
): SettledPlace {
  const latestMs = Math.max(-Infinity, ...requests.map(({ requestedAtMs }) => requestedAtMs));
  const notBeforeMs = latestMs + 1000 * trigger.cooldownSeconds;
  const beyond: Record<string, number> = {};
  let atMs = raisedAtMs;
  let folds = 0;
  for (const entry of entries) {
    if (entry.kind !== 'observation' || entry.lane !== 'sentinel') continue;
    if (folds >= trigger.settleSamples && atMs >= notBeforeMs) {
      const { source, partition, offset } = entry.position;
      beyond[`${source}/${partition}`] ??= offset - 1;
    } else {
      folds++;
      atMs = Math.max(atMs, entry.eventTimeMs);
    }
  }
  return { atMs, beyond };
}

/** Alarms that stand, with the verdict they speak for. */
function openAlarms({ alarms, verdict }: JudgeStatus): OpenAlarm[] {
  if (verdict.kind !== 'breached' && verdict.kind !== 'degraded') return [];
  return alarms
    .filter(({ status, monitor }) => status === 'firing' && monitor !== 'missing_outcomes')
    .map((alarm) => ({
      alarmId: alarm.id,
      verdict: alarm.monitor === 'breached' ? 'breached' : 'degraded',
      cause: alarm.cause ?? 'unknown',
      raisedAtFold: alarm.raisedAtFold,
      raisedAtMs: alarm.raisedAtMs,
    }));
}
