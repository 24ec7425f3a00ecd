import { evaluationResultSchema } from '../../../src/evaluation/result.ts';
import { renderEvaluationReport } from '../../../src/reports/evaluation-report.ts';
import { example, interval } from './story-fixture.ts';

const result = evaluationResultSchema.parse({
  schema: 'temper/evaluation/1',
  seed: 7,
  engine: 'wasm',
  model: { path: 'models/<digits>/3', sha256: 'ab'.repeat(32) },
  data: { name: 'mnist:test', samples: 500, sha256: 'cd'.repeat(32) },
  threat_model: { norm: 'linf', epsilon: 0.3, access: 'gradients', range: [0, 1] },
  clean_accuracy: interval(0.98),
  attacks: [
    {
      recipe: 'apgd-ce',
      id: '1f3a9c02d4e5b6a7',
      scope: 'standalone',
      attacked: 490,
      robust_accuracy: interval(0.81),
      median_distance: 0.27,
      forward_queries: 49000,
      gradient_queries: 48500,
      seconds: 12.5,
    },
  ],
  worst_case: interval(0.79),
  masking: 'caution',
  indicators: { softmax_output: true, zero_margin_gradient: 0.02 },
});

test('shows every figure with its interval, and how to repeat it', () => {
  const page = renderEvaluationReport(result, [
    { recipe: 'apgd-ce', broken: 85, inputShape: [2, 2, 1], range: [0, 1], examples: [example] },
  ]);
  for (const text of [
    '98.0 % [95.0, 100.0]',
    '81.0 % [78.0, 84.0]',
    '79.0 % [76.0, 82.0]',
    'caution',
    '49,000',
    '0.27',
    'broke 85 inputs',
    'softmax output',
    'apgd-ce@1f3a9c02',
    'cd'.repeat(32),
  ])
    expect(page).toContain(text);
  expect(page).toContain('models/&lt;digits&gt;/3');
  expect(page).not.toMatch(/NaN|undefined|\[object|<script/);
});

test('what was not measured is absent, not zero', () => {
  const absent = ['worst_case', 'masking', 'indicators'];
  const rest = Object.fromEntries(Object.entries(result).filter(([key]) => !absent.includes(key)));
  const page = renderEvaluationReport(evaluationResultSchema.parse({ ...rest, attacks: [] }));
  expect(page).not.toContain('worst of all');
  expect(page).not.toContain('gradient masking');
  expect(page).not.toContain('Can these numbers be trusted');
  expect(page).not.toMatch(/NaN|undefined|\[object/);
});
