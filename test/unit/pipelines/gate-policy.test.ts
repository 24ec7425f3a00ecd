import { decideGate, type GateInput } from '../../../pipelines/harden/gate-policy.ts';

const interval = (value: number, halfWidth = 0.01) => ({
  value,
  lower: value - halfWidth,
  upper: value + halfWidth,
  n: 1000,
  confidence: 0.95,
});
const policy = {
  minimumCleanAccuracy: 0.95,
  minimumRobustAccuracy: 0.7,
  maximumCleanDrop: 0.01,
  maximumRobustDrop: 0.02,
  requireHeldOutAttacks: 2,
};
const good: GateInput = {
  policy,
  candidate: {
    cleanAccuracy: interval(0.98),
    worstCase: interval(0.8),
    heldOutAttacks: ['apgd-ce', 'square-1000'],
  },
  trainingAttacks: ['pgd-5'],
};
const failed = (input: GateInput) =>
  decideGate(input)
    .rules.filter((rule) => !rule.passed)
    .map((rule) => rule.rule);

describe('decideGate', () => {
  it('passes a candidate that meets every rule', () => {
    expect(decideGate(good).passed).toBe(true);
  });

  it.each([
    ['clean lower limit', { cleanAccuracy: interval(0.955) }, 'minimum_clean_accuracy'],
    ['robust lower limit', { worstCase: interval(0.705) }, 'minimum_robust_accuracy'],
    ['too few held-out attacks', { heldOutAttacks: ['apgd-ce'] }, 'held_out_attacks'],
    ['one held-out attack named twice', { heldOutAttacks: ['apgd-ce', 'apgd-ce'] }, 'held_out_attacks'],
    [
      'a training attack among the deciding ones',
      { heldOutAttacks: ['apgd-ce', 'square-1000', 'pgd-5'] },
      'held_out_attacks',
    ],
  ])('refuses on %s', (_, change, rule) => {
    expect(failed({ ...good, candidate: { ...good.candidate, ...change } })).toEqual([rule]);
  });

  it('refuses a fall against the champion that is larger than allowed, and names both figures', () => {
    const champion = { ...good.candidate, cleanAccuracy: interval(0.995), worstCase: interval(0.9) };
    const decision = decideGate({ ...good, champion });
    expect(decision.passed).toBe(false);
    expect(decision.rules.filter((rule) => !rule.passed).map((rule) => rule.rule)).toEqual([
      'maximum_clean_drop',
      'maximum_robust_drop',
    ]);
    expect(decision.rules.at(-1)?.finding).toContain('90.0 % before, 80.0 % after');
  });

  it('compares with nothing when nothing ever passed the gate', () => {
    expect(decideGate(good).rules.map((rule) => rule.rule)).toEqual([
      'held_out_attacks',
      'minimum_clean_accuracy',
      'minimum_robust_accuracy',
    ]);
  });
});
