import type { TemperConfig } from '../../config/load.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import type { AlertChannel, AlertMessage } from '../../monitoring/delivery/channel.ts';
import {
  startOutbox,
  type DeliveryObserver,
  type Outbox,
  type OutboxPort,
} from '../../monitoring/delivery/outbox.ts';
import { createWebhookChannel } from '../../monitoring/delivery/webhook.ts';
import type { AlertPort } from '../../monitoring/ports.ts';
import type { Store } from '../../store/store.ts';
import type { Services } from '../compose.ts';

/** Records degradation events, once per alarm and status, and has them sent. */
export function createAlertPort(store: Store, outbox: Outbox, logger: Logger): AlertPort {
  return {
    async deliver(event) {
      await store.saveAlert({ model: event.model.name, alarmId: event.id, status: event.status, event });
      logger.warn(
        {
          alarm: event.id,
          status: event.status,
          cause: event.cause,
          severity: event.severity,
          risk: event.risk,
        },
        event.status === 'firing' ? 'degradation_alarm' : 'degradation_resolved',
      );
      outbox.wake();
    },
  };
}

/** Starts sending what is recorded to every configured channel. */
export function startAlerting(
  { config, store, clock, logger }: Services,
  observer: DeliveryObserver,
): Running<Outbox> {
  const { alerts } = config.monitoring;
  return startOutbox({
    channels: alertChannels(config, clock),
    port: createOutboxPort(store, config.model.name),
    observer,
    limits: {
      firstDelayMs: 1000 * alerts.firstDelaySeconds,
      longestDelayMs: 1000 * alerts.longestDelaySeconds,
      giveUpMs: 3_600_000 * alerts.giveUpHours,
    },
    clock,
    logger: logger.child({ module: 'alerts' }),
  });
}

/** Every way of telling somebody that the configuration names. */
function alertChannels({ monitoring }: Pick<TemperConfig, 'monitoring'>, clock: Clock): AlertChannel[] {
  return (monitoring.alerts.webhooks ?? []).map((webhook) =>
    createWebhookChannel({ ...webhook, secret: webhook.secret.reveal(), clock }),
  );
}

/** The outbox on the store. */
export function createOutboxPort(
  store: Pick<Store, 'dueAlerts' | 'saveDelivery'>,
  model: string,
): OutboxPort {
  return {
    async due(channels, sinceMs) {
      const rows = await store.dueAlerts({ model, channels, sinceMs });
      return rows.map(({ channel, alarmId, status, event, atMs }) => ({
        channel,
        atMs,
        message: {
          id: `${alarmId}.${status}`,
          alarmId,
          status: status as AlertMessage['status'], // written by the alert port alone
          model,
          body: event,
        },
      }));
    },
    record: ({ channel, message: { alarmId, status }, outcome }) =>
      store.saveDelivery({ model, alarmId, status, channel, outcome }),
  };
}
