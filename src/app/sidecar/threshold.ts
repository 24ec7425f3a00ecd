import { dueAlarm, requestIdOf, type OpenAlarm } from '../../../pipelines/harden/threshold-trigger.ts';
import type { Logger } from '../../domain/logger.ts';
import type { JudgeStatus } from '../../monitoring/status.ts';
import type { Services } from '../compose.ts';
import { frozenPositions } from './turn.ts';

/** Writes a run request when an alarm is due for one. What collect sees is frozen at what has been folded. */
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
  const request = {
    requestId: requestIdOf(model, 'threshold', due.alarmId),
    model,
    trigger: 'threshold' as const,
    reason: `${due.verdict}, cause ${due.cause}`,
    alarmId: due.alarmId,
    requestedAtMs: nowMs,
    frozenPositions: frozenPositions(status.frontier),
  };
  await store.saveRunRequest(request);
  logger.info({ request: request.requestId, alarm: due.alarmId }, 'run_requested');
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
