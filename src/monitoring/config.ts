import { z } from 'zod';

const secretReferenceSchema = z.union([
  z.strictObject({
    env: z.string().min(1).describe('Name of an environment variable that holds the value.'),
  }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file that holds the value.') }),
]);

const webhookSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/)
      .meta({ examples: ['pager'] })
      .describe(
        'Name under which deliveries are remembered. Under another name everything recent is sent again.',
      ),
    url: z
      .url({ protocol: /^https?$/ })
      .meta({ examples: ['https://alerts.example.com/temper'] })
      .describe('Where events are posted.'),
    secret: secretReferenceSchema
      .meta({ examples: [{ env: 'TEMPER_WEBHOOK_SECRET' }] })
      .describe(
        'Key of the signature, HMAC-SHA256 over id, time and body. "whsec_" and base64, or any text.',
      ),
    timeoutSeconds: z
      .number()
      .positive()
      .max(300)
      .default(10)
      .describe('How long one attempt may take, seconds, up to 300. Default 10.'),
  })
  .describe('One receiver of degradation events.');

const alertsSchema = z
  .strictObject({
    webhooks: z
      .array(webhookSchema)
      .max(20)
      .optional()
      .describe('Receivers of degradation events over HTTP, at most 20. Default: none.'),
    firstDelaySeconds: z
      .number()
      .positive()
      .default(1)
      .describe(
        'Delay after the first failed attempt, seconds; it doubles with each further one. Default 1.',
      ),
    longestDelaySeconds: z
      .number()
      .positive()
      .default(900)
      .describe('Longest delay between two attempts, seconds. Default 900.'),
    giveUpHours: z
      .number()
      .positive()
      .default(72)
      .describe(
        'An event that nobody took for so many hours is given up, with an error in the log. Default 72.',
      ),
  })
  .prefault({})
  .describe('Who is told of degradation, besides Prometheus and the status page.');

/** Settings of the monitoring room: what counts as degraded or breached, and how often a false alarm is acceptable. */
export const monitoringConfigSchema = z
  .strictObject({
    falseAlarmDays: z
      .number()
      .positive()
      .max(3650)
      .default(30)
      .describe(
        'Days between false alarms, on average at least, over all monitors of a model together. Above 0, up to 3650. Default 30. Larger alarms later.',
      ),
    confidence: z
      .number()
      .gt(0.5)
      .lt(1)
      .default(0.99)
      .describe(
        'Coverage of every interval shown, of the absolute limit and of the baseline, at all times at once. 0.5 to 1, exclusive. Default 0.99.',
      ),
    tolerance: z
      .number()
      .min(0)
      .lt(1)
      .default(0.05)
      .describe(
        'How far the mean loss may leave the baseline interval before that is news, up or down. 0 to 1. Default 0.05.',
      ),
    riskLimit: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.5)
      .describe(
        'Absolute limit on the mean loss: breached when the lower confidence limit is above it, with or without a baseline. 0 to 1, exclusive. Default 0.5.',
      ),
    minimumFolds: z
      .int()
      .min(1)
      .max(100_000)
      .default(30)
      .describe(
        'Events folded since the version or the baseline began below which the verdict is insufficient_data. Default 30.',
      ),
    lambdas: z
      .array(z.number().gt(0).lt(1))
      .min(1)
      .max(20)
      .default([0.05, 0.103, 0.212, 0.437, 0.9])
      .describe(
        'Bets mixed by the change detectors, each in (0, 1) with equal weight. Small ones see small changes late, large ones large changes early. Default 5 values from 0.05 to 0.9, geometric.',
      ),
    missingLimit: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.2)
      .describe(
        'Share of expired and unprobeable outcomes that is tolerated: above it the missing_outcomes monitor alarms. 0 to 1, exclusive. Default 0.2.',
      ),
    canaryLevel: z
      .number()
      .gt(0)
      .lt(0.5)
      .default(0.01)
      .describe(
        'Probability that a model that changed but is not worse on the canaries ever alarms (exact McNemar tests, the k-th change at level/(k(k+1))). Default 0.01.',
      ),
    explorer: z
      .strictObject({
        excess: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.05)
          .describe(
            'Mean loss by which an explorer recipe must beat the sentinels on the same inputs before it is a new attack. Default 0.05.',
          ),
        level: z
          .number()
          .gt(0)
          .lt(0.5)
          .default(0.01)
          .describe(
            'Probability that any explorer recipe is ever called a new attack falsely; the k-th tried has level/(k(k+1)). Default 0.01.',
          ),
      })
      .prefault({})
      .describe('When a recipe that was never tried before counts as a new attack.'),
    minimumReplicaAgreement: z
      .number()
      .gt(0)
      .max(1)
      .default(0.95)
      .describe(
        'Share of canaries on which replica and served model must answer alike; below it the cause of an alarm may be a stale replica. Default 0.95.',
      ),
    links: z
      .strictObject({
        dashboard: z
          .string()
          .optional()
          .describe('URL of the dashboard, put into every alert. Default: none.'),
        runbook: z.string().optional().describe('URL of the runbook, put into every alert. Default: none.'),
        status: z
          .string()
          .optional()
          .describe('URL of the status page, put into every alert. Default: none.'),
      })
      .prefault({})
      .describe('Where a person who gets an alert looks next.'),
    alerts: alertsSchema,
  })
  .describe('What counts as degraded or breached, and how often a false alarm is acceptable.');

export type MonitoringConfig = z.infer<typeof monitoringConfigSchema>;
