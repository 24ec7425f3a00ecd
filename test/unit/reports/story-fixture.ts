import type { Interval } from '../../../src/domain/interval.ts';
import type { AdversarialExample, DemoStory } from '../../../src/reports/story.ts';

export const interval = (value: number, half = 0.03): Interval => ({
  value,
  lower: Math.max(0, value - half),
  upper: Math.min(1, value + half),
  n: 500,
  confidence: 0.95,
});

export const example: AdversarialExample = {
  clean: Float32Array.of(0, 1, 0, 1),
  adversarial: Float32Array.of(0.1, 0.9, 0, 1),
  predictionBefore: 7,
  predictionAfter: 3,
  distance: 0.12,
  label: 7,
  sampleId: 'e-17#0',
};

const risk = (sample: number, version: string, value: number): DemoStory['risk'][number] => ({
  sample,
  version,
  risk: { ...interval(value, 0.1), confidence: 0.99 },
  verdict: 'ok',
  limit: 0.5,
  ...(version === '2' ? { baselineUpper: 0.24 } : {}),
});

/** A small story with every part present. */
export const story: DemoStory = {
  scenario: 'careless-update',
  seed: 7,
  engine: 'wasm',
  seconds: 432,
  startedAtMs: Date.UTC(2026, 0, 2, 3, 4),
  model: 'digits',
  threatModel: { norm: 'linf', epsilon: 0.3, range: [0, 1], access: 'gradients' },
  sentinel: 'pgd-20@1f3a9c02',
  versions: [
    {
      version: '1',
      name: 'trained clean',
      arrival: 'first',
      sinceSample: 0,
      cleanAccuracy: interval(0.984),
      robustAccuracy: interval(0.004),
      evaluatedOn: 'mnist:gate, 500 inputs',
    },
    {
      version: '2',
      name: 'hardened',
      arrival: 'gated',
      sinceSample: 100,
      cleanAccuracy: interval(0.977),
      robustAccuracy: interval(0.786),
      evaluatedOn: 'mnist:gate, 500 inputs',
    },
  ],
  risk: [risk(50, '1', 0.9), risk(100, '1', 0.91), risk(101, '2', 0.2), risk(200, '2', 0.19)],
  events: [{ sample: 100, kind: 'promoted', label: 'v2 promoted' }],
  alarm: {
    id: 'a81f02c4',
    sample: 60,
    verdict: 'breached',
    cause: 'model_changed',
    samplesSinceChange: 32,
    version: '1',
    risk: interval(0.9),
    limit: 0.5,
    recipe: 'pgd-20@1f3a9c02',
    evidence: [{ name: 'canary scores', finding: 'changed', value: '200 of 200' }],
  },
  recovered: true,
  finalVerdict: 'ok',
  runs: [
    {
      runId: 'run-1',
      reason: 'risk above the limit',
      startedAtSample: 64,
      outcome: 'promoted',
      version: '2',
      stages: [{ stage: 'train', seconds: 92 }],
      epochs: [
        { epoch: 1, epsilon: 0.15, loss: 1.2, cleanAccuracy: 0.95 },
        { epoch: 2, epsilon: 0.3, loss: 1.1, robustAccuracy: 0.7 },
      ],
      gate: [{ rule: 'clean accuracy, lower limit', required: '95 %', got: '96.9 %', passed: true }],
    },
  ],
  evaluation: {
    version: '2',
    data: 'mnist:test, 1,000 inputs',
    cleanAccuracy: interval(0.98),
    worstCase: interval(0.79),
    attacks: [{ recipe: 'apgd-ce', robustAccuracy: interval(0.81), seconds: 14 }],
  },
  galleries: [
    {
      title: 'Version 1',
      caption: '61 of 64 misread',
      inputShape: [2, 2, 1],
      range: [0, 1],
      examples: [example],
    },
  ],
  counts: { events: 7800, sampled: 2106, probes: 2906, deadLetters: 3 },
  timings: [{ phase: 'stream', seconds: 41 }],
};
