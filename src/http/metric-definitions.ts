export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** Meaning, then unit. */
  readonly help: string;
  readonly labels: readonly string[];
}

const RISK_LABELS = ['model', 'recipe', 'norm'] as const;

/** Every metric of our own; docs/metrics.md lists exactly these. Ratios lie in [0, 1]. */
export const METRICS = {
  risk: {
    name: 'temper_robust_risk_ratio',
    type: 'gauge',
    help: 'Mean loss of recent production inputs under a sentinel attack: 0 when every input holds, 1 when every one breaks at no distance. Ratio.',
    labels: RISK_LABELS,
  },
  riskLower: {
    name: 'temper_robust_risk_lower_ratio',
    type: 'gauge',
    help: 'Lower end of the confidence sequence around temper_robust_risk_ratio. Ratio.',
    labels: RISK_LABELS,
  },
  riskUpper: {
    name: 'temper_robust_risk_upper_ratio',
    type: 'gauge',
    help: 'Upper end of the confidence sequence around temper_robust_risk_ratio. Ratio.',
    labels: RISK_LABELS,
  },
  riskLimit: {
    name: 'temper_risk_limit_ratio',
    type: 'gauge',
    help: 'Absolute limit of the policy: the verdict is breached when the lower end of the risk is above it. Ratio.',
    labels: RISK_LABELS,
  },
  riskBaseline: {
    name: 'temper_risk_baseline_ratio',
    type: 'gauge',
    help: 'Upper confidence bound of the risk that the last gated version had; absent before the first gate. Ratio.',
    labels: RISK_LABELS,
  },
  verdict: {
    name: 'temper_verdict',
    type: 'gauge',
    help: '1 for the verdict that holds now, 0 for the others.',
    labels: ['model', 'verdict'],
  },
  cause: {
    name: 'temper_cause',
    type: 'gauge',
    help: '1 for the cause of the verdict that holds now, 0 for the others; all 0 when nothing is wrong.',
    labels: ['model', 'cause'],
  },
  events: {
    name: 'temper_events_total',
    type: 'counter',
    help: 'Events of the stream by what became of them, counted when that was durable.',
    labels: ['outcome'],
  },
  rejectedEvents: {
    name: 'temper_rejected_events_total',
    type: 'counter',
    help: 'Dropped and dead-lettered events by reason. Should stay 0 on a healthy stream.',
    labels: ['reason'],
  },
  rowsBeyondLimit: {
    name: 'temper_rows_beyond_limit_total',
    type: 'counter',
    help: 'Rows of sampled events left out because their event had more than stream.sampling.maxRowsPerEvent.',
    labels: [],
  },
  commitRetries: {
    name: 'temper_store_retries_total',
    type: 'counter',
    help: 'Commits of ingested events that the store did not take and that were tried again. Should stay 0.',
    labels: [],
  },
  failedPartitions: {
    name: 'temper_ingest_failed_partitions',
    type: 'gauge',
    help: 'Partitions of the stream that cannot be read any further, e.g. a file that was truncated. Should stay 0.',
    labels: [],
  },
  lag: {
    name: 'temper_ingest_lag_events',
    type: 'gauge',
    help: 'Events that exist in the stream and were not read yet; estimated for files. Events.',
    labels: [],
  },
  probes: {
    name: 'temper_probes_total',
    type: 'counter',
    help: 'Probes that reached their end: broken (an adversarial within epsilon was confirmed), held, unprobeable or expired.',
    labels: ['model', 'recipe', 'role', 'result'],
  },
  servedQueries: {
    name: 'temper_served_queries_total',
    type: 'counter',
    help: 'Rows sent to the served model by probes and canaries.',
    labels: ['model'],
  },
  budgetRemaining: {
    name: 'temper_query_budget_remaining_ratio',
    type: 'gauge',
    help: 'Share of the budget of served queries that is left in the current minute. Ratio.',
    labels: [],
  },
  lastProbe: {
    name: 'temper_last_probe_timestamp_seconds',
    type: 'gauge',
    help: 'When a probe last reached its end. Seconds since the Unix epoch.',
    labels: [],
  },
  replicaAgreement: {
    name: 'temper_replica_agreement_ratio',
    type: 'gauge',
    help: 'Share of recent clean inputs on which replica and served model answer alike. Ratio.',
    labels: [],
  },
  hardenLastSuccess: {
    name: 'temper_harden_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When a hardening run last promoted a version. Seconds since the Unix epoch.',
    labels: [],
  },
  hardenStage: {
    name: 'temper_harden_stage_duration_seconds',
    type: 'gauge',
    help: 'How long a stage took in the last run that finished it. Seconds.',
    labels: ['stage'],
  },
  alertDeliveries: {
    name: 'temper_alert_deliveries_total',
    type: 'counter',
    help: 'Attempts to deliver a degradation event: delivered, failed (tried again) or abandoned (too old).',
    labels: ['channel', 'result'],
  },
  alertsWaiting: {
    name: 'temper_alerts_waiting',
    type: 'gauge',
    help: 'Degradation events that wait for a channel to take them, counted once for each channel. Should stay 0.',
    labels: [],
  },
  build: {
    name: 'temper_build_info',
    type: 'gauge',
    help: 'Always 1; its labels say which version of Temper runs on which compute engine and Node.js.',
    labels: ['version', 'engine', 'node'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof METRICS;
