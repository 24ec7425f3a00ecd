import { attributeCause, MONITOR_KINDS, type CauseEvidence } from '../../../src/monitoring/cause.ts';

const unchanged = { compared: 200, changed: false };
const changed = { compared: 200, changed: true };
const stale = { compared: 200, agreed: 150 };
const agreeing = { compared: 200, agreed: 199 };

const cause = (monitor: (typeof MONITOR_KINDS)[number], evidence: CauseEvidence) =>
  attributeCause({ monitor, evidence, minimumReplicaAgreement: 0.95 });

describe('cause', () => {
  it.each(MONITOR_KINDS)(
    'is model_changed before all others when served canary scores moved (%s)',
    (monitor) => {
      expect(cause(monitor, { canaries: changed, replica: stale })).toBe('model_changed');
    },
  );

  it.each([
    ['risen', { canaries: unchanged, replica: stale }, 'replica_stale'],
    ['fallen', { canaries: unchanged, replica: stale }, 'replica_stale'],
    ['risen', { canaries: unchanged, replica: agreeing }, 'inputs_drifted'],
    ['breached', { canaries: unchanged }, 'inputs_drifted'],
    ['fallen', { canaries: unchanged, replica: agreeing }, 'unknown'],
    ['missing_outcomes', { canaries: unchanged, replica: agreeing }, 'unknown'],
    ['explorer', { canaries: unchanged, replica: agreeing }, 'new_attack'],
    ['explorer', {}, 'new_attack'],
    ['risen', {}, 'unknown'],
    ['risen', { replica: stale }, 'unknown'],
    ['risen', { canaries: { compared: 0, changed: false } }, 'unknown'],
    ['risen', { failure: 'the served model did not answer' }, 'unknown'],
  ] as const)('%s with %j: %s', (monitor, evidence, expected) => {
    expect(cause(monitor, evidence)).toBe(expected);
  });

  it('does not call a replica stale that just reaches the agreement asked for', () => {
    expect(cause('risen', { canaries: unchanged, replica: { compared: 200, agreed: 190 } })).toBe(
      'inputs_drifted',
    );
    expect(cause('risen', { canaries: unchanged, replica: { compared: 200, agreed: 189 } })).toBe(
      'replica_stale',
    );
  });
});
