import { answerAlerts } from '../../../pipelines/harden/alertmanager-trigger.ts';
import { requestIdOf } from '../../../pipelines/harden/threshold-trigger.ts';
import type { RunRequest, Trigger } from '../../domain/run.ts';
import type { ActionsPort } from '../../http/status-port.ts';
import type { Judge } from '../../monitoring/judge.ts';
import type { Services } from '../compose.ts';
import { frozenPositions } from './turn.ts';

/** What people and Alertmanager may set off over HTTP. */
export function createActions({ config, store, clock }: Services, judge: Judge): ActionsPort {
  const model = config.model.name;
  const request = (trigger: Trigger, requestId: string, reason: string): RunRequest => ({
    requestId,
    model,
    trigger,
    reason,
    requestedAtMs: clock.nowMs(),
    frozenPositions: frozenPositions(judge.status().frontier),
  });
  return {
    async acknowledge({ actor, reason }) {
      await judge.control({
        kind: 'acknowledge',
        atMs: judge.status().lastEventTimeMs ?? clock.nowMs(),
        actor,
        reason,
      });
    },
    async requestRun({ actor, reason }) {
      const requestId = requestIdOf(model, 'manual', clock.nowMs());
      await store.saveRunRequest(request('manual', requestId, `${actor}: ${reason}`));
      return { requestId };
    },
    async answerAlerts(notification) {
      const requests = (await store.listRuns(model)).map(({ request: made, run }) => ({
        ...made,
        isOpen: run === undefined || run.state === 'claimed',
      }));
      const state = { model, nowMs: clock.nowMs(), requests };
      const { answers, request: called } = answerAlerts(
        notification,
        state,
        config.harden.trigger.cooldownSeconds,
      );
      if (called !== undefined)
        await store.saveRunRequest(request('alertmanager', called.requestId, called.reason));
      return answers;
    },
  };
}
