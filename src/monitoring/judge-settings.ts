import { z } from 'zod';
import type { MonitoringConfig } from './config.ts';

/**
 * The settings that decide verdicts. They are entries of the fold log, so that a replay judges the past by the settings
 * of its time and not by today's.
 */
export const judgeSettingsSchema = z.object({
  falseAlarmDays: z.number().positive(),
  confidence: z.number().gt(0).lt(1),
  tolerance: z.number().min(0).lt(1),
  riskLimit: z.number().gt(0).lt(1),
  minimumFolds: z.int().min(1),
  lambdas: z.array(z.number().gt(0).lt(1)).min(1),
  missingLimit: z.number().gt(0).lt(1),
  canaryLevel: z.number().gt(0).lt(1),
  explorerExcess: z.number().gt(0).lt(1),
  explorerLevel: z.number().gt(0).lt(1),
  minimumReplicaAgreement: z.number().gt(0).max(1),
});

export type JudgeSettings = z.infer<typeof judgeSettingsSchema>;

/** The configuration as it is read, or frozen as it is compiled. */
type CompiledMonitoring = Omit<MonitoringConfig, 'lambdas' | 'explorer' | 'links' | 'alerts'> & {
  readonly lambdas: readonly number[];
  readonly explorer: Readonly<MonitoringConfig['explorer']>;
};

/** The part of the monitoring configuration that decides verdicts; where alerts go and link to does not. */
export function judgeSettingsOf(config: CompiledMonitoring): JudgeSettings {
  return judgeSettingsSchema.parse({
    ...config,
    explorer: undefined,
    links: undefined,
    alerts: undefined,
    explorerExcess: config.explorer.excess,
    explorerLevel: config.explorer.level,
  });
}
