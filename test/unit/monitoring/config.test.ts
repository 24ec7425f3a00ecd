import { z } from 'zod';
import { monitoringConfigSchema } from '../../../src/monitoring/config.ts';
import { judgeSettingsOf, judgeSettingsSchema } from '../../../src/monitoring/judge-settings.ts';

describe('monitoring settings', () => {
  it('have a default for every key', () => {
    const config = monitoringConfigSchema.parse({});
    expect(config).toMatchObject({
      falseAlarmDays: 30,
      confidence: 0.99,
      tolerance: 0.05,
      riskLimit: 0.5,
      minimumFolds: 30,
    });
    expect(judgeSettingsSchema.parse(judgeSettingsOf(config))).toEqual(judgeSettingsOf(config));
  });

  it.each([
    ['falseAlarmDays', 0],
    ['confidence', 1],
    ['tolerance', -0.1],
    ['riskLimit', 0],
    ['minimumFolds', 0],
    ['lambdas', []],
    ['lambdas', [1]],
    ['missingLimit', 1],
    ['canaryLevel', 0.5],
    ['canarylevel', 0.01],
  ])('refuse %s: %j', (key, value) => {
    expect(monitoringConfigSchema.safeParse({ [key]: value }).success).toBe(false);
  });

  it('describe every key in the JSON Schema', () => {
    const schema = z.toJSONSchema(monitoringConfigSchema, { io: 'input' });
    for (const property of Object.values(schema.properties!)) expect(property).toHaveProperty('description');
  });
});
