import { stringify } from 'yaml';
import type { Scenario } from './scenario.ts';

export interface DemoAddresses {
  readonly servedUrl: string;
  readonly httpPort: number;
}

export const DEMO_MODEL = 'digits';
export const DEMO_THREAT = { norm: 'linf', epsilon: 0.3 } as const;

/** The temper.yaml of the demo: what a person would write for this model, with the secrets in the environment. */
export function demoConfigText(scenario: Scenario, addresses: DemoAddresses, seed: number): string {
  const { hardening } = scenario;
  return stringify({
    seed,
    model: { name: DEMO_MODEL, inputShape: [28, 28, 1], classes: 10, range: [0, 1] },
    threatModel: DEMO_THREAT,
    stream: {
      files: [{ path: 'stream/requests.jsonl' }],
      sampling: { rate: scenario.samplingRate, key: { env: 'TEMPER_SAMPLING_KEY' } },
    },
    served: { url: addresses.servedUrl, outputs: 'logits', queriesPerMinute: 10_000_000, maxBatch: 64, loadGuard: { enabled: false } },
    probing: {
      acknowledgeProbeTraffic: true,
      // The demo's traffic is a file that no server writes to.
      echoWaitSeconds: 0,
      sentinels: ['bim-20'],
      samplesPerMinute: 1_000_000,
      canaries: { everySamples: 200, count: scenario.canaries },
    },
    monitoring: { falseAlarmDays: 30, riskLimit: 0.3, tolerance: 0.03 },
    store: { database: 'temper', embedded: { directory: 'store' } },
    registry: { directory: 'registry' },
    harden: {
      directory: 'runs',
      pollSeconds: 0.2,
      heldOutAttacks: scenario.heldOutAttacks,
      informationalAttacks: ['pgd-20'],
      data: {
        trainRows: hardening.trainRows,
        gateRows: scenario.gateRows,
        baselineRows: scenario.baselineRows,
      },
      training: hardening.training,
      policy: {
        minimumRobustAccuracy: hardening.minimumRobustAccuracy,
        minimumCleanAccuracy: hardening.minimumCleanAccuracy,
        maximumCleanDrop: 0.05,
        maximumRobustDrop: 0.05,
      },
      trigger: { cooldownSeconds: 0, settleSamples: scenario.settleSamples },
    },
    http: { port: addresses.httpPort },
    log: { level: 'info' },
  });
}
