import { z } from 'zod';

/** Limits on what a receiver takes; Alertmanager itself has none. */
const text = z.string().max(2000);
const labels = z.record(z.string().max(200), text).default({});

/**
 * Body of Alertmanager's webhook, version 4, as far as it is of use here. Keys that are not named are passed over, since
 * later versions add some.
 *
 * @see Alertmanager, docs/configuration.md, "webhook_config"
 */
export const alertmanagerNotificationSchema = z.object({
  version: z.literal('4'),
  /** Identity of the group: the same in every notification about it. */
  groupKey: text.min(1),
  status: z.enum(['firing', 'resolved']),
  alerts: z
    .array(
      z.object({
        status: z.enum(['firing', 'resolved']),
        labels,
        annotations: labels,
        /** When this firing began; the same while it is repeated. */
        startsAt: z.iso.datetime({ offset: true }),
        /** Identity of the alert: hash of its labels. */
        fingerprint: text.min(1),
      }),
    )
    .max(1000),
});

export type AlertmanagerNotification = z.infer<typeof alertmanagerNotificationSchema>;
export type NotifiedAlert = AlertmanagerNotification['alerts'][number];
