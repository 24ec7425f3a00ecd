export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Meaning, then unit. */
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper ends of a histogram's buckets, in the metric's unit. */
  readonly buckets?: readonly number[];
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
  verdictSince: {
    name: 'temper_verdict_since_timestamp_seconds',
    type: 'gauge',
    help: 'Since when the verdict holds, in event time; for an alarm its estimated onset. Seconds since the Unix epoch.',
    labels: ['model'],
  },
  alarms: {
    name: 'temper_alarms_firing',
    type: 'gauge',
    help: 'Alarms that fire now, by the kind of monitor that raised them. Should stay 0.',
    labels: ['model', 'monitor'],
  },
  lastFold: {
    name: 'temper_last_fold_timestamp_seconds',
    type: 'gauge',
    help: 'When an outcome was last folded into the verdict: the verdict knows nothing later. Seconds since the Unix epoch.',
    labels: [],
  },
  cleanAccuracy: {
    name: 'temper_clean_accuracy_ratio',
    type: 'gauge',
    help: 'Share of the labelled canaries that the served model read right in the last round, without an attack. Ratio.',
    labels: ['model'],
  },
  missingOutcomes: {
    name: 'temper_missing_outcomes_ratio',
    type: 'gauge',
    help: 'Share of probes without a measurement (unprobeable or expired) since the version or the baseline began. Ratio.',
    labels: [],
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
  uncommitted: {
    name: 'temper_store_uncommitted_commits',
    type: 'gauge',
    help: 'Commits of ingested events that the store has not acknowledged yet; the stream waits when they are too many.',
    labels: [],
  },
  lastCommit: {
    name: 'temper_last_commit_timestamp_seconds',
    type: 'gauge',
    help: 'When the store last acknowledged a commit of ingested events. Seconds since the Unix epoch.',
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
  orphans: {
    name: 'temper_orphan_records_ratio',
    type: 'gauge',
    help: 'Share of the labels and of the responses of the last two hours of event time that belong to no sample. Ratio.',
    labels: ['kind'],
  },
  probes: {
    name: 'temper_probes_total',
    type: 'counter',
    help: 'Probes that reached their end: broken (an adversarial within epsilon was confirmed), held, unprobeable or expired.',
    labels: ['model', 'recipe', 'role', 'result'],
  },
  probeSeconds: {
    name: 'temper_probe_batch_duration_seconds',
    type: 'histogram',
    help: 'Time from taking a batch of samples up to having all their outcomes in the store, attack and confirmation together. Seconds.',
    labels: [],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  },
  samplesWaiting: {
    name: 'temper_samples_waiting',
    type: 'gauge',
    help: 'Samples that were looked at in the last turn and are not folded yet; at most a slot of each partition.',
    labels: [],
  },
  servedQueries: {
    name: 'temper_served_queries_total',
    type: 'counter',
    help: 'Rows sent to the served model by probes and canaries.',
    labels: ['model'],
  },
  servedRequests: {
    name: 'temper_served_requests_total',
    type: 'counter',
    help: 'HTTP requests for predictions sent to the served model by probes and canaries, repeated attempts included.',
    labels: ['model'],
  },
  servedFailures: {
    name: 'temper_served_failures_total',
    type: 'counter',
    help: 'Requests to the served model that failed for good, after their retries. Should stay 0.',
    labels: ['model'],
  },
  servedLatency: {
    name: 'temper_served_latency_seconds',
    type: 'gauge',
    help: 'Median time of the last requests to the served model that the load guard judged; absent before, and without the guard. Seconds.',
    labels: [],
  },
  probingPaused: {
    name: 'temper_probing_paused',
    type: 'gauge',
    help: '1 while nothing is sent to the served model for that reason: load, circuit_open, dry_run, kill_switch or untagged_probes.',
    labels: ['reason'],
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
  replicaLimit: {
    name: 'temper_replica_agreement_limit_ratio',
    type: 'gauge',
    help: 'Least agreement of replica and served model that the configuration accepts (monitoring.minimumReplicaAgreement). Ratio.',
    labels: [],
  },
  hardenLastSuccess: {
    name: 'temper_harden_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When a hardening run last promoted a version. Seconds since the Unix epoch.',
    labels: [],
  },
  hardenState: {
    name: 'temper_harden_run_state',
    type: 'gauge',
    help: '1 for the state of the newest hardening run (claimed, promoted, refused or failed), 0 for the others; all 0 before the first.',
    labels: ['state'],
  },
  hardenOldest: {
    name: 'temper_harden_oldest_request_timestamp_seconds',
    type: 'gauge',
    help: 'When the oldest run request that no run has finished was made; absent when there is none. Seconds since the Unix epoch.',
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
