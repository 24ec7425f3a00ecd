import { z } from 'zod';
import { trainingConfigSchema } from '../../../src/training/config.ts';

test('defaults are the recipe that reaches its robustness in the least compute', () => {
  expect(trainingConfigSchema.parse({})).toMatchObject({
    objective: { kind: 'pgd' },
    epochs: 10,
    batch: 128,
    learningRate: 5e-3,
    epsilonFactor: 1.05,
    curriculum: { kind: 'linear', rampEnd: 0.3 },
    attack: { steps: 1, reach: 0.75, start: 'carried' },
  });
});

test('every key of the schema says what it does', () => {
  const json = z.toJSONSchema(trainingConfigSchema, { io: 'input' });
  const keys = Object.entries(json.properties as Record<string, { description?: string }>);
  expect(keys.length).toBeGreaterThan(10);
  for (const [key, { description }] of keys)
    expect([key, description]).toEqual([key, expect.stringMatching(/\.$/)]);
});

test.each([
  [{ epochs: 0 }, 'epochs'],
  [{ learningRate: -1 }, 'learningRate'],
  [{ attack: { steps: 0 } }, 'attack.steps'],
  [{ validation: { steps: 9 } }, 'validation.steps'],
  [{ curriculum: { kind: 'adaptive', rampEnd: 0 } }, 'curriculum.rampEnd'],
  [{ objective: { kind: 'trades', beta: 0 } }, 'objective.beta'],
  [{ epoch: 3 }, ''],
])('%j is refused at its place', (config, path) => {
  const parsed = trainingConfigSchema.safeParse(config);
  expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});
