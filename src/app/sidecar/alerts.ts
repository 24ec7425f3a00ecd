import type { Logger } from '../../domain/logger.ts';
import type { AlertPort } from '../../monitoring/ports.ts';
import type { Store } from '../../store/store.ts';

/** Records degradation events: once per alarm and status, whatever is delivered twice. */
export function createAlertPort(store: Store, logger: Logger): AlertPort {
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
    },
  };
}
