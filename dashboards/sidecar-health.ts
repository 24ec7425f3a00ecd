import { dashboard, type BuiltDashboard } from './parts/dashboard.ts';
import { DASHED, figure, lines, risingThresholds, rows, states, words } from './parts/panels.ts';
import { MODEL, PROCESS } from './parts/queries.ts';

const ingest = [
  figure({
    title: 'Events not read yet',
    description:
      'How far the sidecar is behind the stream. Steady growth: it cannot keep up, or it is stuck.',
    unit: 'short',
    thresholds: risingThresholds(1000, 10_000),
    noValue: 'not measured',
    queries: [{ expr: `sum(temper_ingest_lag_events{${PROCESS}})`, legend: 'behind', now: true }],
  }),
  figure({
    title: 'Last commit',
    description: 'When the store last acknowledged ingested events.',
    unit: 'dateTimeFromNow',
    noValue: 'none yet',
    queries: [
      { expr: `1000 * min(temper_last_commit_timestamp_seconds{${PROCESS}})`, legend: 'commit', now: true },
    ],
  }),
  figure({
    title: 'Last probe',
    description: 'When a probe last reached its end.',
    unit: 'dateTimeFromNow',
    noValue: 'none yet',
    queries: [
      { expr: `1000 * min(temper_last_probe_timestamp_seconds{${PROCESS}})`, legend: 'probe', now: true },
    ],
  }),
  figure({
    title: 'Last fold',
    description: 'When an outcome last went into the verdict: the verdict knows nothing later.',
    unit: 'dateTimeFromNow',
    noValue: 'none yet',
    queries: [
      { expr: `1000 * min(temper_last_fold_timestamp_seconds{${PROCESS}})`, legend: 'fold', now: true },
    ],
  }),
  figure({
    title: 'Partitions that failed',
    description: 'Partitions of the stream that cannot be read any further. Should be 0.',
    unit: 'short',
    thresholds: risingThresholds(1, 1),
    queries: [{ expr: `sum(temper_ingest_failed_partitions{${PROCESS}})`, legend: 'failed', now: true }],
  }),
  figure({
    title: 'Alerts that wait',
    description: 'Degradation events that no receiver has taken yet. Should be 0.',
    unit: 'short',
    thresholds: risingThresholds(1, 5),
    queries: [{ expr: `sum(temper_alerts_waiting{${PROCESS}})`, legend: 'waiting', now: true }],
  }),
  lines({
    title: 'Events by outcome',
    description:
      'What became of the events of the stream, a second. Skipped ones were not chosen by sampling.',
    unit: 'ops',
    stacked: true,
    queries: [
      {
        expr: `sum by (outcome) (rate(temper_events_total{${PROCESS}}[$__rate_interval]))`,
        legend: '{{outcome}}',
      },
    ],
  }),
  lines({
    title: 'Drops and dead letters by reason',
    description:
      'Events that could not be used, a second. Dead letters are kept with their bytes in the table dead_letters.',
    unit: 'ops',
    stacked: true,
    queries: [
      {
        expr: `sum by (reason) (rate(temper_rejected_events_total{${PROCESS}}[$__rate_interval])) > 0`,
        legend: '{{reason}}',
      },
      {
        expr: `sum(rate(temper_rows_beyond_limit_total{${PROCESS}}[$__rate_interval]))`,
        legend: 'rows beyond the limit',
      },
    ],
  }),
  lines({
    title: 'Lag',
    description: 'Events that exist and were not read, and samples that were read and are not folded yet.',
    unit: 'short',
    min: 0,
    queries: [
      { expr: `sum by (instance) (temper_ingest_lag_events{${PROCESS}})`, legend: '{{instance}} events' },
      { expr: `sum by (instance) (temper_samples_waiting{${PROCESS}})`, legend: '{{instance}} samples' },
    ],
  }),
  lines({
    title: 'Records without a sample',
    description:
      'Share of the labels and of the responses that belong to no sample. Near 1: the ids of requests and labels do not match.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    noValue: 'no labels, no responses',
    queries: [{ expr: `max by (kind) (temper_orphan_records_ratio{${PROCESS}})`, legend: '{{kind}}' }],
  }),
];

const probing = [
  lines({
    title: 'Probes by result',
    description:
      'Probes that reached their end, a second. Unprobeable and expired ones say nothing about the model.',
    unit: 'ops',
    stacked: true,
    queries: [
      {
        expr: `sum by (result) (rate(temper_probes_total{${MODEL}}[$__rate_interval]))`,
        legend: '{{result}}',
      },
    ],
  }),
  lines({
    title: 'Time of a batch of probes',
    description:
      'From taking a batch of samples to having all outcomes in the store, attack and confirmation together.',
    unit: 's',
    min: 0,
    queries: [0.5, 0.95].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (le) (rate(temper_probe_batch_duration_seconds_bucket{${PROCESS}}[$__rate_interval])))`,
      legend: `${100 * quantile} % are quicker`,
    })),
  }),
  lines({
    title: 'Outcomes that are missing',
    description:
      'Share of probes without a measurement. Censored outcomes bias a risk, so they have a monitor of their own.',
    unit: 'percentunit',
    width: 8,
    min: 0,
    max: 1,
    queries: [
      { expr: `max by (instance) (temper_missing_outcomes_ratio{${PROCESS}})`, legend: '{{instance}}' },
    ],
  }),
  lines({
    title: 'Replica and served model agree',
    description:
      'On clean inputs. Below the limit attacks are made for another model than the one that serves.',
    unit: 'percentunit',
    width: 8,
    min: 0,
    max: 1,
    queries: [
      {
        expr: `min by (instance) (temper_replica_agreement_ratio{${PROCESS}})`,
        legend: '{{instance}} agreement',
      },
      {
        expr: `max by (instance) (temper_replica_agreement_limit_ratio{${PROCESS}})`,
        legend: '{{instance}} limit',
      },
    ],
    overrides: { '^.* limit$': [DASHED] },
  }),
  lines({
    title: 'Requests to the served model',
    description: 'Requests for predictions, and those that failed for good, a second.',
    unit: 'reqps',
    width: 8,
    queries: [
      { expr: `sum(rate(temper_served_requests_total{${MODEL}}[$__rate_interval]))`, legend: 'requests' },
      { expr: `sum(rate(temper_served_failures_total{${MODEL}}[$__rate_interval]))`, legend: 'failures' },
    ],
  }),
];

const guard = [
  states({
    title: 'Probing paused',
    description:
      'Why nothing is sent to the served model: it is under load, the circuit is open, or somebody said so. A row for each reason; filled while it holds.',
    unit: 'short',
    mappings: words({ '0': ['no', 'transparent'], '1': ['yes', 'orange'] }),
    queries: [{ expr: `max by (reason) (temper_probing_paused{${PROCESS}})`, legend: '{{reason}}' }],
  }),
  lines({
    title: 'Latency of the served model',
    description:
      'Median time of the last requests that the load guard judged. When it rises with the probes, they are what makes it rise.',
    unit: 's',
    min: 0,
    noValue: 'no load guard',
    queries: [
      { expr: `max by (instance) (temper_served_latency_seconds{${PROCESS}})`, legend: '{{instance}}' },
    ],
  }),
];

const store = [
  lines({
    title: 'Commits that wait for the store',
    description:
      'Ingested events that the store has not acknowledged. The stream waits when they are too many.',
    unit: 'short',
    width: 8,
    min: 0,
    queries: [
      { expr: `sum by (instance) (temper_store_uncommitted_commits{${PROCESS}})`, legend: '{{instance}}' },
    ],
  }),
  lines({
    title: 'Commits tried again',
    description: 'Commits that the store did not take at first, a second. Should be 0.',
    unit: 'ops',
    width: 8,
    min: 0,
    queries: [
      {
        expr: `sum by (instance) (rate(temper_store_retries_total{${PROCESS}}[$__rate_interval]))`,
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Deliveries of alerts',
    description:
      'Attempts to deliver degradation events, a second: failed ones are tried again, abandoned ones were too old.',
    unit: 'ops',
    width: 8,
    min: 0,
    queries: [
      {
        expr: `sum by (channel, result) (rate(temper_alert_deliveries_total{${PROCESS}}[$__rate_interval]))`,
        legend: '{{channel}} {{result}}',
      },
    ],
  }),
];

const processes = [
  rows({
    title: 'What runs',
    description: 'Version, compute engine and Node.js of each sidecar that is scraped.',
    unit: 'short',
    width: 12,
    merged: { 'Value #A': 'up' },
    hidden: ['__name__'],
    queries: [
      {
        expr: `max by (job, instance, version, engine, node) (temper_build_info{${PROCESS}})`,
        now: true,
        table: true,
      },
    ],
  }),
  lines({
    title: 'Memory',
    description:
      'Resident memory of the main process, and the heap in use. Compute workers are processes of their own.',
    unit: 'bytes',
    min: 0,
    queries: [
      {
        expr: `sum by (instance) (temper_process_resident_memory_bytes{${PROCESS}})`,
        legend: '{{instance}} resident',
      },
      {
        expr: `sum by (instance) (temper_nodejs_heap_size_used_bytes{${PROCESS}})`,
        legend: '{{instance}} heap',
      },
    ],
  }),
  lines({
    title: 'Processor',
    description: 'Cores that the main process uses. It only moves messages, so it should be little.',
    unit: 'short',
    min: 0,
    queries: [
      {
        expr: `sum by (instance) (rate(temper_process_cpu_seconds_total{${PROCESS}}[$__rate_interval]))`,
        legend: '{{instance}}',
      },
    ],
  }),
  lines({
    title: 'Event loop',
    description: 'How late the event loop is at worst. Above a second, heartbeats and scrapes suffer.',
    unit: 's',
    min: 0,
    queries: [
      {
        expr: `max by (instance) (temper_nodejs_eventloop_lag_p99_seconds{${PROCESS}})`,
        legend: '{{instance}} p99',
      },
    ],
  }),
];

export function sidecarHealthDashboard(): BuiltDashboard {
  return dashboard({
    uid: 'temper-sidecar-health',
    title: 'Temper / Sidecar health',
    description: 'Does Temper itself see what it should, and does it keep up?',
    rows: [
      { title: 'Ingest', panels: ingest },
      { title: 'Probing', panels: probing },
      { title: 'Load guard', panels: guard },
      { title: 'Store and alerts', panels: store },
      { title: 'Process', panels: processes },
    ],
  });
}
