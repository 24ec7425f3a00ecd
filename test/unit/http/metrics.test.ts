import { STAGES } from '../../../src/domain/run.ts';
import { METRICS } from '../../../src/http/metric-definitions.ts';
import type { MetricDefinition } from '../../../src/http/metric-definitions.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { EVENT_OUTCOMES } from '../../../src/ingest/events.ts';

const options = {
  model: 'digits',
  norm: 'linf',
  sentinels: ['pgd-20', 'square-2000'],
  build: { version: '0.1.0', engine: 'wasm' },
};

const MEASURED = {
  missingOutcomes: 0.125,
  cleanAccuracy: 0.95,
  replicaAgreement: 0.9,
  ingestLag: 7,
  uncommitted: 3,
  samplesWaiting: 11,
  servedLatencySeconds: 0.02,
  budgetRemaining: 0.5,
  replicaLimit: 0.8,
};

const plain = () => createMetrics({ ...options, processMetrics: false });

async function linesOf(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Metrics of contracts that others rely on. */
const CONTRACT = [
  'temper_robust_risk_ratio{model,recipe,norm}',
  'temper_robust_risk_lower_ratio{model,recipe,norm}',
  'temper_robust_risk_upper_ratio{model,recipe,norm}',
  'temper_risk_limit_ratio{model,recipe,norm}',
  'temper_verdict{model,verdict}',
  'temper_cause{model,cause}',
  'temper_events_total{outcome}',
  'temper_probes_total{model,recipe,role,result}',
  'temper_served_queries_total{model}',
  'temper_query_budget_remaining_ratio{}',
  'temper_last_probe_timestamp_seconds{}',
  'temper_replica_agreement_ratio{}',
  'temper_ingest_lag_events{}',
  'temper_harden_last_success_timestamp_seconds{}',
  'temper_harden_stage_duration_seconds{stage}',
  'temper_build_info{version,engine,node}',
];

test('every metric that others rely on is there, with its labels', () => {
  const own = Object.values<MetricDefinition>(METRICS).map(
    ({ name, labels }) => `${name}{${labels.join(',')}}`,
  );
  expect(own).toEqual(expect.arrayContaining(CONTRACT));
});

test('names follow the conventions: prefix, base units, _total on counters only, a unit or meaning in the help', () => {
  for (const { name, type, help } of Object.values<MetricDefinition>(METRICS)) {
    expect(name).toMatch(/^temper_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|percent|milliseconds|minutes)(_|$)/);
    if (name.endsWith('_ratio')) expect(help).toMatch(/Ratio\.$/);
    if (name.endsWith('_seconds')) expect(help).toMatch(/Seconds( since the Unix epoch)?\.$/);
  }
});

test('at the start: counters of every known label value are 0, and what was not measured is absent', async () => {
  const lines = await linesOf(plain());
  for (const outcome of EVENT_OUTCOMES)
    expect(lines).toContain(`temper_events_total{outcome="${outcome}"} 0`);
  expect(lines).toContain('temper_rejected_events_total{reason="malformed_json"} 0');
  expect(lines).toContain(
    'temper_probes_total{model="digits",recipe="square-2000",role="sentinel",result="expired"} 0',
  );
  expect(lines).toContain('temper_verdict{model="digits",verdict="insufficient_data"} 1');
  expect(lines).toContain('temper_cause{model="digits",cause="new_attack"} 0');
  for (const absent of ['risk_ratio', 'timestamp', 'agreement', 'budget', 'lag', 'stage'])
    expect(lines.filter((line) => line.includes(absent))).toEqual([]);
});

test('setters say what they are told, under closed labels', async () => {
  const metrics = plain();
  const risk = { value: 0.3, lower: 0.2, upper: 0.4, n: 50, confidence: 0.99 };
  metrics.setRisk({ recipe: 'pgd-20@1f3a9c2e', risk, limit: 0.5, baselineUpper: 0.12 });
  metrics.setVerdict('degraded', 'model_changed');
  metrics.countProbes({ recipe: 'pgd-20', role: 'sentinel', result: 'broken' }, 2);
  metrics.countProbes({ recipe: 'found-by-chance-7', role: 'explorer', result: 'held' });
  metrics.countProbes({ recipe: 'never-heard-of', role: 'sentinel', result: 'held' });
  metrics.countServed({ queries: 40, requests: 4, failures: 1 });
  metrics.setPaused(['load', 'kill_switch']);
  metrics.setLastProbe(1500);
  metrics.setLastFold(1750);
  metrics.setVerdictSince(1250);
  metrics.setAlarms(['risen', 'canaries', 'risen']);
  metrics.setMeasured(MEASURED);
  metrics.observeProbeBatch(0.3);
  metrics.setOrphans({ label: 0.25 });
  metrics.setHarden({
    lastSuccessMs: 2000,
    state: 'refused',
    oldestRequestMs: 3000,
    stageSeconds: [['train', 61]],
  });
  metrics.deliveryObserver.attempted('webhook', 'failed');
  metrics.deliveryObserver.waiting(2);
  const lines = await linesOf(metrics);
  const labels = 'model="digits",norm="linf",recipe="pgd-20"';
  const sorted = (line: string) =>
    line.replace(/\{(.*)\}/, (_, inner: string) => `{${inner.split(',').sort().join(',')}}`);
  expect(lines.map(sorted)).toEqual(
    expect.arrayContaining([
      `temper_robust_risk_ratio{${labels}} 0.3`,
      `temper_robust_risk_lower_ratio{${labels}} 0.2`,
      `temper_robust_risk_upper_ratio{${labels}} 0.4`,
      `temper_risk_limit_ratio{${labels}} 0.5`,
      `temper_risk_baseline_ratio{${labels}} 0.12`,
      'temper_verdict{model="digits",verdict="degraded"} 1',
      'temper_verdict{model="digits",verdict="insufficient_data"} 0',
      'temper_cause{cause="model_changed",model="digits"} 1',
      'temper_probes_total{model="digits",recipe="pgd-20",result="broken",role="sentinel"} 2',
      'temper_probes_total{model="digits",recipe="explorer",result="held",role="explorer"} 1',
      'temper_probes_total{model="digits",recipe="other",result="held",role="sentinel"} 1',
      'temper_served_queries_total{model="digits"} 40',
      'temper_served_latency_seconds 0.02',
      'temper_probing_paused{reason="load"} 1',
      'temper_probing_paused{reason="kill_switch"} 1',
      'temper_probing_paused{reason="circuit_open"} 0',
      'temper_last_probe_timestamp_seconds 1.5',
      'temper_replica_agreement_ratio 0.9',
      'temper_served_requests_total{model="digits"} 4',
      'temper_served_failures_total{model="digits"} 1',
      'temper_last_fold_timestamp_seconds 1.75',
      'temper_verdict_since_timestamp_seconds{model="digits"} 1.25',
      'temper_alarms_firing{model="digits",monitor="risen"} 2',
      'temper_alarms_firing{model="digits",monitor="canaries"} 1',
      'temper_alarms_firing{model="digits",monitor="breached"} 0',
      'temper_clean_accuracy_ratio{model="digits"} 0.95',
      'temper_missing_outcomes_ratio 0.125',
      'temper_replica_agreement_limit_ratio 0.8',
      'temper_store_uncommitted_commits 3',
      'temper_samples_waiting 11',
      'temper_probe_batch_duration_seconds_bucket{le="0.25"} 0',
      'temper_probe_batch_duration_seconds_bucket{le="0.5"} 1',
      'temper_orphan_records_ratio{kind="label"} 0.25',
      'temper_harden_run_state{state="refused"} 1',
      'temper_harden_run_state{state="promoted"} 0',
      'temper_harden_oldest_request_timestamp_seconds 3',
      'temper_alert_deliveries_total{channel="webhook",result="failed"} 1',
      'temper_alerts_waiting 2',
      'temper_ingest_lag_events 7',
      'temper_query_budget_remaining_ratio 0.5',
      'temper_harden_last_success_timestamp_seconds 2',
      'temper_harden_stage_duration_seconds{stage="train"} 61',
    ]),
  );
});

test('what is not measured any more disappears', async () => {
  const metrics = plain();
  metrics.setMeasured(MEASURED);
  metrics.setMeasured({
    ...MEASURED,
    cleanAccuracy: undefined,
    missingOutcomes: undefined,
    replicaAgreement: undefined,
  });
  metrics.setOrphans({ label: 0.5, response: 0.5 });
  metrics.setOrphans({ response: 0 });
  const harden = { lastSuccessMs: undefined, state: undefined, stageSeconds: [] };
  metrics.setHarden({ ...harden, oldestRequestMs: 3000 });
  metrics.setHarden({ ...harden, oldestRequestMs: undefined });
  const lines = await linesOf(metrics);
  for (const gone of [
    'clean_accuracy',
    'missing_outcomes_ratio',
    'agreement_ratio',
    'kind="label"',
    'oldest',
  ])
    expect(lines.filter((line) => line.includes(gone))).toEqual([]);
  expect(lines).toContain('temper_orphan_records_ratio{kind="response"} 0');
});

test('a risk that is not known any more disappears', async () => {
  const metrics = plain();
  const risk = { value: 0.3, lower: 0.2, upper: 0.4, n: 50, confidence: 0.99 };
  metrics.setRisk({ recipe: 'pgd-20', risk, limit: 0.5 });
  metrics.setRisk({ recipe: 'pgd-20', risk: undefined, limit: 0.5 });
  expect((await linesOf(metrics)).filter((line) => line.startsWith('temper_robust_risk'))).toEqual([]);
});

test('the verdict is ok without a cause', async () => {
  const metrics = plain();
  metrics.setVerdict('degraded', 'unknown');
  metrics.setVerdict('ok');
  const lines = (await linesOf(metrics)).filter(
    (line) => /^temper_(verdict|cause)/.test(line) && line.endsWith(' 1'),
  );
  expect(lines).toEqual(['temper_verdict{model="digits",verdict="ok"} 1']);
});

test('ingest is counted when it is committed', async () => {
  const metrics = plain();
  const counts = { sampled: 5, skipped: 90, label: 3, response: 0, dropped: 1, dead_letter: 2 };
  const reasons = { unsampled: 90, unknown_model: 1, bad_time: 2 };
  metrics.ingestObserver.committed({
    source: 's',
    partition: 0,
    first: 0,
    last: 100,
    counts,
    reasons,
    rowsBeyondLimit: 4,
  });
  metrics.ingestObserver.commitRetried(new Error('x'), 1);
  metrics.ingestObserver.partitionFailed({ source: 's', partition: 0 }, new Error('x'));
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'temper_events_total{outcome="skipped"} 90',
      'temper_events_total{outcome="dead_letter"} 2',
      'temper_rejected_events_total{reason="bad_time"} 2',
      'temper_rejected_events_total{reason="unknown_model"} 1',
      'temper_rows_beyond_limit_total 4',
      'temper_store_retries_total 1',
      'temper_ingest_failed_partitions 1',
    ]),
  );
  expect((await linesOf(metrics)).filter((line) => line.includes('unsampled'))).toEqual([]);
});

test('with process metrics and everything measured there are under 300 series, all with the prefix, within 20 ms', async () => {
  const metrics = createMetrics(options);
  const risk = { value: 0.3, lower: 0.2, upper: 0.4, n: 50, confidence: 0.99 };
  for (const recipe of options.sentinels) metrics.setRisk({ recipe, risk, limit: 0.5, baselineUpper: 0.1 });
  metrics.setMeasured(MEASURED);
  metrics.setLastFold(1);
  metrics.setLastProbe(1);
  metrics.setVerdictSince(1);
  metrics.setOrphans({ label: 0, response: 0 });
  metrics.setHarden({
    lastSuccessMs: 1,
    state: 'claimed',
    oldestRequestMs: 1,
    stageSeconds: STAGES.map((stage) => [stage, 1]),
  });
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedAt = performance.now();
    await metrics.registry.metrics();
    times.push(performance.now() - startedAt);
  }
  // The quickest of twenty: what the work takes, not what else the machine does meanwhile.
  expect(Math.min(...times)).toBeLessThan(20);
  const lines = await linesOf(metrics);
  expect(lines.some((line) => line.startsWith('temper_process_resident_memory_bytes'))).toBe(true);
  expect(lines.length).toBeLessThan(300);
  expect(lines.every((line) => line.startsWith('temper_'))).toBe(true);
});

test('two registries do not know of each other', async () => {
  const [a, b] = [plain(), plain()];
  a.countServed({ queries: 1, requests: 1, failures: 0 });
  expect(await linesOf(b)).toContain('temper_served_queries_total{model="digits"} 0');
});
