import { silentLogger } from '../../../src/domain/logger.ts';
import type { RunState } from '../../../src/domain/run.ts';
import { watchHardening } from '../../../src/app/sidecar/harden-watch.ts';
import { createMetrics, type Metrics } from '../../../src/http/metrics.ts';
import type { RequestWithRun } from '../../../src/store/queries/runs.ts';

const request = {
  requestId: 'r',
  model: 'm',
  trigger: 'manual',
  reason: '',
  requestedAtMs: 0,
  frozenPositions: {},
} as const;

function ran(atMs: number, state: RunState, detail: unknown): RequestWithRun {
  return {
    request,
    run: { requestId: 'r', runId: 'r', model: 'm', state, stage: '', detail, fence: 1, atMs },
  };
}

const newMetrics = (): Metrics =>
  createMetrics({
    model: 'm',
    norm: 'linf',
    sentinels: [],
    build: { version: '0', engine: 'wasm' },
    processMetrics: false,
  });

async function lines(listRuns: () => Promise<RequestWithRun[]>): Promise<string[]> {
  const metrics = newMetrics();
  await watchHardening({ listRuns, metrics, logger: silentLogger }).stop();
  const text = await metrics.registry.metrics();
  return text
    .split('\n')
    .filter((line) => line.startsWith('temper_harden') && !/run_state\{.*\} 0$/.test(line));
}

describe('the metrics of hardening', () => {
  it('are absent before the first run, but for the request that waits', async () => {
    expect(await lines(() => Promise.resolve([]))).toEqual([]);
    const waiting = [2000, 1000].map((requestedAtMs) => ({
      request: { ...request, requestedAtMs },
      run: undefined,
    }));
    expect(await lines(() => Promise.resolve(waiting))).toEqual([
      'temper_harden_oldest_request_timestamp_seconds 1',
    ]);
  });

  it('tell the last success and what each stage took last, whatever the order of the rows', async () => {
    const runs = [
      ran(3_000, 'refused', { seconds: { collect: 3, train: 30 } }),
      ran(1_000, 'promoted', { version: 1, seconds: { collect: 1, train: 10, verify: 4 } }),
      ran(2_000, 'promoted', { version: 2 }),
      ran(4_000, 'failed', { reason: 'no' }),
    ];
    expect(await lines(() => Promise.resolve(runs))).toEqual([
      'temper_harden_last_success_timestamp_seconds 2',
      'temper_harden_run_state{state="failed"} 1',
      'temper_harden_stage_duration_seconds{stage="collect"} 3',
      'temper_harden_stage_duration_seconds{stage="train"} 30',
      'temper_harden_stage_duration_seconds{stage="verify"} 4',
    ]);
  });

  it('stay as they were while the store is away', async () => {
    expect(await lines(() => Promise.reject(new Error('away')))).toEqual([]);
  });
});
